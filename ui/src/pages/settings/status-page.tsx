import { Button, CopyButton } from '@mantine/core';
import type { ReactNode } from 'react';
import { useOutbox, useStatus } from '../../api/queries.ts';
import type { WireOutboxItem, WireStatus } from '../../api/types.ts';
import { bytes, NOTHING, plain, span } from '../../shared/format.ts';
import { Empty, Fetched, PageHead, Panel, Scroller } from '../../shared/panel.tsx';
import { href, Link } from '../../shared/router.tsx';
import { Chip } from '../../shared/signs.tsx';
import { Ago, Time } from '../../shared/time.tsx';
import styles from './status.module.css';

/** Is Tocsin itself well: what comes in, what was refused, what went out, and what exactly is running. */
export function StatusPage() {
  const status = useStatus();
  const outbox = useOutbox();
  return (
    <>
      <PageHead title="Status" lead="How Tocsin itself is doing" />
      <div className={styles.grid}>
        <Panel title="Taken in">
          <Fetched query={status} what="the status">
            {({ stats }) => (
              <Facts
                rows={[
                  ['Points', `${plain(stats.pointsPerSecond)} /s`],
                  ['Log lines', `${plain(stats.logsPerSecond)} /s`],
                  ['Spans', `${plain(stats.spansPerSecond)} /s`],
                  ['Series', plain(stats.series)],
                  ['Services', plain(stats.services)],
                  ['State in memory', bytes(stats.stateBytes)],
                ]}
              />
            )}
          </Fetched>
        </Panel>
        <Panel title="Not taken as sent">
          <Fetched query={status} what="the status">
            {({ stats }) => (
              <Facts
                rows={[
                  [
                    'Series refused',
                    plain(stats.refusedSeries),
                    stats.refusedSeries > 0
                      ? 'Over the cap of series: raise it or send fewer labels'
                      : 'Below the cap of series',
                  ],
                  ['Late points', plain(stats.latePoints), 'Older than the allowed lateness'],
                  ['Points from the future', plain(stats.futurePoints), 'Clamped to now; check that sender’s clock'],
                  ['Duplicate points', plain(stats.duplicatePoints), 'Same series and time, taken once'],
                ]}
              />
            )}
          </Fetched>
        </Panel>
        <Panel title="This process">
          <Fetched query={status} what="the status">
            {(data) => <Process status={data} />}
          </Fetched>
        </Panel>
        <Panel title="Receivers">
          <Fetched query={status} what="the receivers">
            {({ receivers }) =>
              receivers.length === 0 ? (
                <Empty title="Nothing sent yet">
                  Receivers and routes are set in the configuration file; incidents show here without them.
                </Empty>
              ) : (
                <Scroller label="Receivers">
                  <table className={styles.table}>
                    <thead>
                      <tr>
                        <th scope="col">Receiver</th>
                        <th scope="col">Sent</th>
                        <th scope="col">Waiting</th>
                        <th scope="col">Refused</th>
                        <th scope="col">Last sent</th>
                      </tr>
                    </thead>
                    <tbody>
                      {receivers.map((receiver) => (
                        <tr key={receiver.receiver}>
                          <th scope="row">
                            {receiver.receiver}
                            {receiver.lastError !== '' && <small>{receiver.lastError}</small>}
                          </th>
                          <td>{receiver.sent}</td>
                          <td data-warn={receiver.pending > 0}>{receiver.pending}</td>
                          <td data-warn={receiver.refused > 0}>{receiver.refused}</td>
                          <td>{receiver.lastSentAt === null ? NOTHING : <Ago at={receiver.lastSentAt} />}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </Scroller>
              )
            }
          </Fetched>
        </Panel>
      </div>
      <Panel title="Notifications" aside="newest 50">
        <Fetched query={outbox} what="the notifications">
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="None yet">Each message to a receiver is listed here with its state.</Empty>
            ) : (
              <Outbox items={items} />
            )
          }
        </Fetched>
      </Panel>
    </>
  );
}

function Process({ status }: { status: WireStatus }) {
  const { version, node, configHash, configPath, watermark, now, stats, historyBytes, endpoints } = status;
  return (
    <Facts
      rows={[
        ['Version', `${version}, Node ${node.replace('v', '')}`],
        ['Running for', span(now - stats.startedAt)],
        [
          'Newest data',
          watermark === 0 ? 'none yet' : <Time key="watermark" at={watermark} look="clock" />,
          watermark === 0 ? '' : `${span(Math.max(0, now - watermark))} behind the clock`,
        ],
        ['History on disk', bytes(historyBytes)],
        [
          'Ports',
          `OTLP ${endpoints.otlpGrpcPort} gRPC, ${endpoints.otlpHttpPort} HTTP; remote write ${endpoints.remoteWritePort}`,
        ],
        [
          'Configuration',
          <span key="config" className={styles.config}>
            <span className="mono">{configHash === '' ? 'defaults' : configHash}</span>
            {configHash !== '' && (
              <CopyButton value={configHash}>
                {({ copied, copy }) => (
                  <Button size="compact-xs" variant="default" onClick={copy}>
                    {copied ? 'Copied' : 'Copy'}
                  </Button>
                )}
              </CopyButton>
            )}
          </span>,
          configPath === '' ? 'No file: everything at its default' : configPath,
        ],
      ]}
    />
  );
}

type Row = readonly [name: string, value: ReactNode, about?: string];

function Facts({ rows }: { rows: readonly Row[] }) {
  return (
    <dl className={styles.facts}>
      {rows.map(([name, value, about]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            {about !== undefined && about !== '' && <small>{about}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

const TONES = { sent: 'plain', pending: 'info', refused: 'critical' } as const;
const WORDS = { sent: 'sent', pending: 'waiting', refused: 'refused' } as const;

function Outbox({ items }: { items: readonly WireOutboxItem[] }) {
  return (
    <ul className={styles.outbox}>
      {items.map((item) => (
        <li key={item.id}>
          <Chip tone={TONES[item.state]}>{WORDS[item.state]}</Chip>
          <span className={styles.message}>
            <b>{item.receiver}</b> {item.reason} <Link to={href(`incidents/${item.incident}`)}>{item.title}</Link>
            {item.lastError !== '' && (
              <small>
                {item.lastError}
                {item.state === 'pending' && `, attempt ${item.attempts}`}
              </small>
            )}
          </span>
          <span className="muted">
            <Ago at={item.sentAt ?? item.createdAt} />
          </span>
        </li>
      ))}
    </ul>
  );
}
