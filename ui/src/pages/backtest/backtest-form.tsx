import { Button, FileButton, SegmentedControl, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useStartBacktest } from '../../api/replays.ts';
import { Refused } from '../../shared/dialog.tsx';
import { Panel } from '../../shared/panel.tsx';
import { href, navigate, useSearch } from '../../shared/router.tsx';
import { localInput, useLiveEnd } from '../../shared/time.tsx';
import styles from './backtest.module.css';

const DAY = 86_400_000;
const SPANS: Readonly<Record<string, readonly [label: string, days: number]>> = {
  '1d': ['Last day', 1],
  '7d': ['Last week', 7],
  '30d': ['Last 30 days', 30],
};

/** What to try, on which time. */
export function BacktestForm() {
  const search = useSearch();
  const end = useLiveEnd();
  const start = useStartBacktest();
  const [config, setConfig] = useState('');
  const [file, setFile] = useState('');
  const piece = search.get('whole') === '';
  const [own, setOwn] = useState<readonly [string, string]>(['', '']);
  const span = search.get('span') === '' ? '7d' : search.get('span');
  const days = SPANS[span]?.[1];
  const from = days === undefined ? Date.parse(own[0]) : Math.round(end) - days * DAY;
  const to = days === undefined ? Date.parse(own[1]) : Math.round(end);
  const fault =
    Number.isNaN(from) || Number.isNaN(to)
      ? 'Say from when to when.'
      : to <= from
        ? 'The end must lie after the start.'
        : null;
  return (
    <Panel title="What would have fired?">
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (fault !== null) return;
          start.mutate(
            { from, to, mode: 'auto', piece, ...(config.trim() === '' ? {} : { config }) },
            { onSuccess: (job) => navigate(href(`alerting/backtest/${job.id}`)) },
          );
        }}
      >
        <div className={styles.field}>
          <span className={styles.label}>Over</span>
          <SegmentedControl
            size="xs"
            aria-label="Time range"
            value={days === undefined ? 'own' : span}
            onChange={(value) => {
              if (value === 'own') setOwn([localInput(from), localInput(to)]);
              search.set({ span: value }, { push: true });
            }}
            data={[
              ...Object.entries(SPANS).map(([value, [label]]) => ({ value, label })),
              { value: 'own', label: 'From … to' },
            ]}
          />
          {days === undefined && (
            <span className={styles.range}>
              <TextInput
                size="xs"
                type="datetime-local"
                aria-label="From"
                value={own[0]}
                onChange={(event) => setOwn([event.currentTarget.value, own[1]])}
              />
              <span className="muted">to</span>
              <TextInput
                size="xs"
                type="datetime-local"
                aria-label="To"
                value={own[1]}
                onChange={(event) => setOwn([own[0], event.currentTarget.value])}
              />
            </span>
          )}
        </div>
        <div className={styles.field}>
          <span className={styles.label}>With</span>
          <SegmentedControl
            size="xs"
            aria-label="How much of the configuration"
            value={piece ? 'piece' : 'whole'}
            onChange={(value) => search.set({ whole: value === 'whole' ? 1 : null })}
            data={[
              { value: 'piece', label: 'A change' },
              { value: 'whole', label: 'A whole configuration' },
            ]}
          />
        </div>
        <Textarea
          size="xs"
          label={piece ? 'Change' : 'Configuration'}
          description={
            piece
              ? 'The keys that change, laid over the configuration that runs; lists replace lists. Empty: nothing changes, which shows how exactly the past can be replayed.'
              : 'A whole configuration file, in place of the one that runs.'
          }
          placeholder={piece ? 'route:\n  min_confidence: 0.8' : 'receivers: ...\nroute: ...\ndecide: ...'}
          value={config}
          autosize
          minRows={8}
          maxRows={26}
          spellCheck={false}
          classNames={{ input: styles.code ?? '' }}
          onChange={(event) => setConfig(event.currentTarget.value)}
        />
        <span className={styles.range}>
          <FileButton
            accept=".yaml,.yml,text/yaml"
            inputProps={{ 'aria-label': 'Configuration file' }}
            onChange={(chosen) => {
              if (chosen === null) return;
              setFile(chosen.name);
              void chosen.text().then(setConfig);
            }}
          >
            {(props) => (
              <Button {...props} size="xs" variant="default">
                Load a file
              </Button>
            )}
          </FileButton>
          {file !== '' && <span className="muted">{file}</span>}
        </span>
        <Refused error={start.error} />
        <span className={styles.range}>
          <Button type="submit" size="sm" disabled={fault !== null} loading={start.isPending}>
            Run the backtest
          </Button>
          <span className="muted">{fault ?? 'It changes nothing: it runs beside the live detection.'}</span>
        </span>
      </form>
    </Panel>
  );
}
