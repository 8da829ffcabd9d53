import { Button, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import type { Matcher } from '../../../../../src/domain/alerting/matcher.ts';
import { useSaveSilence, useSilencePreview } from '../../../api/alerting.ts';
import type { WireSilence } from '../../../api/types.ts';
import { Editor, EditorFoot } from '../../../shared/dialog.tsx';
import { span } from '../../../shared/format.ts';
import { matcherOf } from '../../../shared/matchers.ts';
import { localInput, momentWords, useNow } from '../../../shared/time.tsx';
import { useWho, WhoField } from '../../../shared/who.tsx';
import styles from '../alerting.module.css';
import { complete, MatcherBuilder } from '../matcher-builder.tsx';
import { PreviewPanel } from '../preview-panel.tsx';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LENGTHS = [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 24 * HOUR, 72 * HOUR];

interface EditorProps {
  readonly opened: boolean;
  /** Null: a new one. */
  readonly base: WireSilence | null;
  readonly matchers: readonly Matcher[];
  readonly comment: string;
  readonly close: () => void;
  readonly saved: (silence: WireSilence, now: number) => void;
}

/** Write or change a silence, with what it would have muted beside it. */
export function SilenceEditor(props: EditorProps) {
  return (
    <Editor
      opened={props.opened}
      close={props.close}
      title={props.base === null ? 'New silence' : 'Change the silence'}
    >
      <Form {...props} />
    </Editor>
  );
}

function Form({ base, matchers: given, comment: said, close, saved }: EditorProps) {
  const now = useNow();
  const { createdBy } = useWho();
  const [matchers, setMatchers] = useState<readonly Matcher[]>(
    base?.matchers ?? (given.length > 0 ? given : [matcherOf('service', '=', '')]),
  );
  const [comment, setComment] = useState(base?.comment ?? said);
  const [start, setStart] = useState(base !== null && base.status === 'pending' ? localInput(base.startsAt) : '');
  const [length, setLength] = useState<number | null>(base === null ? 2 * HOUR : null);
  const [end, setEnd] = useState(base === null ? '' : localInput(base.endsAt));
  const ready = useMemo(() => complete(matchers), [matchers]);
  const [asked] = useDebouncedValue(ready, 250);
  const preview = useSilencePreview(asked);
  const save = useSaveSilence();

  const startsAt = start === '' ? now : Date.parse(start);
  const endsAt = length === null ? Date.parse(end) : startsAt + length;
  const fault =
    ready.length === 0
      ? 'Add at least one matcher with a value.'
      : Number.isNaN(startsAt) || Number.isNaN(endsAt)
        ? 'Say until when.'
        : endsAt <= Math.max(now, startsAt)
          ? 'The end must lie in the future and after the start.'
          : null;

  return (
    <>
      <MatcherBuilder value={matchers} onChange={setMatchers} empty="A silence needs at least one matcher." focus />
      <div className={styles.field}>
        <span className={styles.fieldName} id="silence-length">
          For
        </span>
        {/* biome-ignore lint/a11y/useSemanticElements: a row of buttons, not fields */}
        <div role="group" aria-labelledby="silence-length" className={styles.presets}>
          {LENGTHS.map((ms) => (
            <Button
              key={ms}
              size="compact-sm"
              variant={length === ms ? 'filled' : 'default'}
              aria-pressed={length === ms}
              onClick={() => setLength(ms)}
            >
              {span(ms)}
            </Button>
          ))}
          <Button
            size="compact-sm"
            variant={length === null ? 'filled' : 'default'}
            aria-pressed={length === null}
            onClick={() => {
              setLength(null);
              if (end === '') setEnd(localInput(startsAt + (length ?? HOUR)));
            }}
          >
            until…
          </Button>
        </div>
      </div>
      <div className={styles.two}>
        <TextInput
          size="xs"
          type="datetime-local"
          label="Starts"
          description={start === '' ? 'Empty: now' : 'Your time zone'}
          value={start}
          onChange={(event) => setStart(event.currentTarget.value)}
        />
        {length === null && (
          <TextInput
            size="xs"
            type="datetime-local"
            label="Ends"
            description="Your time zone"
            value={end}
            onChange={(event) => setEnd(event.currentTarget.value)}
          />
        )}
      </div>
      <Textarea
        size="xs"
        label="Comment"
        description="Why, and where to read more: whoever is on call next will ask"
        placeholder="Rollout of the fix, SHOP-4121"
        value={comment}
        maxLength={2_000}
        autosize
        minRows={2}
        {...(given.length > 0 || base !== null ? { 'data-autofocus': true } : {})}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      <WhoField />
      <PreviewPanel
        preview={preview.data}
        error={preview.error}
        pending={preview.isFetching || asked !== ready}
        nothing={asked.length === 0 ? 'What it would have muted over the past 30 days appears here.' : null}
        hint="An incident is covered when all its services match, or its likely cause does. Check the spelling of the labels."
      />
      <EditorFoot error={save.error}>
        <p className={styles.meta} style={{ flex: 1, alignSelf: 'center' }} aria-live="polite">
          {fault ??
            `${start === '' ? 'From now' : `From ${momentWords(startsAt, now)}`} until ${momentWords(endsAt, now)}`}
        </p>
        <Button size="sm" variant="default" onClick={close}>
          Cancel
        </Button>
        <Button
          size="sm"
          disabled={fault !== null}
          loading={save.isPending}
          onClick={() =>
            save.mutate(
              {
                ...(base === null ? {} : { id: base.id }),
                matchers: ready,
                ...(base !== null && start === '' ? { startsAt: Math.min(base.startsAt, Math.round(now)) } : {}),
                ...(start === '' ? {} : { startsAt }),
                endsAt: Math.round(endsAt),
                comment: comment.trim(),
                ...createdBy,
              },
              { onSuccess: (silence) => saved(silence, now) },
            )
          }
        >
          {base === null ? 'Create the silence' : 'Store the change'}
        </Button>
      </EditorFoot>
    </>
  );
}
