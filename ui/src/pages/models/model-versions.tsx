import { Button } from '@mantine/core';
import { useState } from 'react';
import { type ModelDeed, useModelDeed, useRollback } from '../../api/models.ts';
import type { WireModel } from '../../api/types.ts';
import { Confirm } from '../../shared/dialog.tsx';
import { bytes, plain } from '../../shared/format.ts';
import { Panel, Scroller } from '../../shared/panel.tsx';
import { Chip } from '../../shared/signs.tsx';
import { Ago, Time } from '../../shared/time.tsx';
import styles from './models.module.css';

const STATES: Readonly<Record<WireModel['state'], readonly [word: string, tone: string]>> = {
  champion: ['in use', 'accent'],
  candidate: ['candidate', 'info'],
  retired: ['was in use', 'plain'],
};

type Asked = { readonly deed: ModelDeed; readonly version: number } | { readonly deed: 'rollback' };

/** One model: its versions side by side, with the figures that speak for each. */
export function ModelVersions({ name, versions }: { name: string; versions: readonly WireModel[] }) {
  const [asked, ask] = useState<Asked | null>(null);
  const champion = versions.find(({ state }) => state === 'champion');
  const metrics = [...new Set(versions.flatMap((version) => Object.keys(version.metrics)))];
  return (
    <Panel
      title={name}
      aside={
        champion !== undefined && (
          <Button
            size="compact-xs"
            variant="default"
            disabled={champion.pinned}
            onClick={() => ask({ deed: 'rollback' })}
          >
            Roll back
          </Button>
        )
      }
    >
      <Scroller label={`Versions of ${name}`}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">State</th>
              {metrics.map((metric) => (
                <th key={metric} scope="col">
                  {metric}
                </th>
              ))}
              <th scope="col">Learnt from</th>
              <th scope="col">Made</th>
              <th scope="col">
                <span className="visually-hidden">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {versions.map((version) => (
              <tr key={version.version}>
                <th scope="row" title={`${version.format}, ${bytes(version.bytes)}, SHA-256 ${version.checksum}`}>
                  {version.version}
                </th>
                <td>
                  <Chip tone={STATES[version.state][1]}>{STATES[version.state][0]}</Chip>
                  {version.pinned && <Chip title="It is not replaced while it is pinned">pinned</Chip>}
                </td>
                {metrics.map((metric) => (
                  <td key={metric}>{plain(version.metrics[metric] ?? null)}</td>
                ))}
                <td>
                  {version.data === null ? (
                    <span className="muted">{version.note === '' ? 'not said' : version.note}</span>
                  ) : (
                    <>
                      <Time at={version.data.from} /> to <Time at={version.data.to} />
                      <small>
                        {plain(version.data.samples)} samples
                        {version.data.items !== version.data.samples && ` of ${plain(version.data.items)} series`}
                      </small>
                    </>
                  )}
                </td>
                <td>
                  <Ago at={version.createdAt} />
                  <small>by {version.createdBy}</small>
                </td>
                <td>
                  <span className={styles.deeds}>
                    {version.state !== 'champion' && (
                      <Button
                        size="compact-xs"
                        variant="default"
                        onClick={() => ask({ deed: 'promote', version: version.version })}
                      >
                        Promote
                      </Button>
                    )}
                    {version.state === 'champion' && (
                      <Button
                        size="compact-xs"
                        variant="default"
                        onClick={() => ask({ deed: version.pinned ? 'unpin' : 'pin', version: version.version })}
                      >
                        {version.pinned ? 'Unpin' : 'Pin'}
                      </Button>
                    )}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroller>
      {asked !== null && <Ask name={name} asked={asked} champion={champion} close={() => ask(null)} />}
    </Panel>
  );
}

function Ask({
  name,
  asked,
  champion,
  close,
}: {
  name: string;
  asked: Asked;
  champion: WireModel | undefined;
  close: () => void;
}) {
  const deed = useModelDeed();
  const rollback = useRollback();
  const now = champion === undefined ? 'what comes with the program' : `version ${champion.version}`;
  if (asked.deed === 'rollback')
    return (
      <Confirm
        opened
        close={close}
        title={`Roll ${name} back?`}
        action="Roll back"
        change={rollback}
        go={() => rollback.mutate(name, { onSuccess: close })}
      >
        <p>
          The version that was in use before {now} takes its place, or what comes with the program if there was none.{' '}
          {now} is kept and can be promoted again.
        </p>
      </Confirm>
    );
  const { version } = asked;
  const words: Readonly<Record<ModelDeed, readonly [title: string, action: string, text: string]>> = {
    promote: [
      `Take version ${version} of ${name} into use?`,
      'Promote it',
      `It replaces ${now} from the next decision on. Decisions say which version made them; Roll back undoes it.`,
    ],
    pin: [`Pin version ${version}?`, 'Pin it', 'It stays in use, whatever is trained, until it is unpinned.'],
    unpin: [`Unpin version ${version}?`, 'Unpin it', 'A better candidate may take its place again.'],
  };
  const [title, action, text] = words[asked.deed];
  return (
    <Confirm
      opened
      close={close}
      title={title}
      action={action}
      change={deed}
      go={() => deed.mutate({ name, version, deed: asked.deed }, { onSuccess: close })}
    >
      <p>{text}</p>
    </Confirm>
  );
}
