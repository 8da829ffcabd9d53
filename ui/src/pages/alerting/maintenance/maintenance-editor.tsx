import { Button, NativeSelect, NumberInput, SegmentedControl, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import type { Matcher } from '../../../../../src/domain/alerting/matcher.ts';
import type { MaintenanceDraft } from '../../../api/alerting.ts';
import { useMaintenancePreview, useSaveMaintenance } from '../../../api/alerting.ts';
import type { WireMaintenance } from '../../../api/types.ts';
import { Editor, EditorFoot } from '../../../shared/dialog.tsx';
import { localInput, Time, useNow } from '../../../shared/time.tsx';
import { useWho, WhoField } from '../../../shared/who.tsx';
import styles from '../alerting.module.css';
import { complete, MatcherBuilder } from '../matcher-builder.tsx';
import { PreviewPanel } from '../preview-panel.tsx';
import { dayCodes, dayName, ruleWords } from './rule.ts';
import { zoneOfReader, zones } from './zones.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface EditorProps {
  readonly opened: boolean;
  /** Null: a new one. */
  readonly base: WireMaintenance | null;
  readonly close: () => void;
  readonly saved: (window: WireMaintenance, now: number) => void;
}

/** Announce work: what it covers, when it comes, and what it would have muted. */
export function MaintenanceEditor(props: EditorProps) {
  return (
    <Editor
      opened={props.opened}
      close={props.close}
      title={props.base === null ? 'New maintenance window' : 'Change the window'}
    >
      <Form {...props} />
    </Editor>
  );
}

type Repeat = 'once' | 'daily' | 'weekly' | 'monthly-day' | 'monthly-date' | 'rule';

/** Which of the plain choices a rule is, if any. */
function repeatOf(rrule: string, start: string): Repeat {
  const { day, nth, ofMonth } = dayCodes(start);
  if (rrule === '') return 'once';
  if (rrule === 'FREQ=DAILY') return 'daily';
  if (rrule === 'FREQ=WEEKLY' || rrule === `FREQ=WEEKLY;BYDAY=${day}`) return 'weekly';
  if (rrule === `FREQ=MONTHLY;BYDAY=${nth}`) return 'monthly-day';
  return rrule === `FREQ=MONTHLY;BYMONTHDAY=${ofMonth}` ? 'monthly-date' : 'rule';
}

function ruleOf(repeat: Repeat, start: string, own: string): string {
  const { day, nth, ofMonth } = dayCodes(start);
  switch (repeat) {
    case 'daily':
      return 'FREQ=DAILY';
    case 'weekly':
      return `FREQ=WEEKLY;BYDAY=${day}`;
    case 'monthly-day':
      return `FREQ=MONTHLY;BYDAY=${nth}`;
    case 'monthly-date':
      return `FREQ=MONTHLY;BYMONTHDAY=${ofMonth}`;
    case 'rule':
      return own.trim();
    default:
      return '';
  }
}

const PLACES = ['first', 'second', 'third', 'fourth', 'fifth'];

function Form({ base, close, saved }: EditorProps) {
  const now = useNow(60_000);
  const { createdBy } = useWho();
  const only = base?.recurrences[0];
  const once = base?.spans[0];
  /** Several dates in one window come from calendars: their dates stay as they are. */
  const fixed = base !== null && base.recurrences.length + base.spans.length > 1;
  const [name, setName] = useState(base?.name ?? '');
  const [matchers, setMatchers] = useState<readonly Matcher[]>(base?.matchers ?? []);
  const [start, setStart] = useState(
    only?.start.slice(0, 16) ?? localInput(once?.startsAt ?? Math.ceil(Date.now() / HOUR) * HOUR),
  );
  const [zone, setZone] = useState(only?.zone ?? zoneOfReader());
  const [minutes, setMinutes] = useState<number | string>(
    (only?.durationMs ?? (once === undefined ? 2 * HOUR : once.endsAt - once.startsAt)) / MINUTE,
  );
  const [repeat, setRepeat] = useState<Repeat>(only === undefined ? 'once' : repeatOf(only.rrule, only.start));
  const [own, setOwn] = useState(only?.rrule ?? '');
  const [comment, setComment] = useState(base?.comment ?? '');
  const save = useSaveMaintenance();

  const length = Number(minutes) * MINUTE;
  const startFault = Number.isNaN(Date.parse(start)) ? 'Say when it starts.' : null;
  const fault =
    name.trim() === ''
      ? 'Give it a name: it is shown with everything it mutes.'
      : fixed
        ? null
        : (startFault ??
          (!(length >= MINUTE)
            ? 'Say how long it lasts.'
            : repeat === 'rule' && own.trim() === ''
              ? 'Write the rule, e.g. FREQ=MONTHLY;BYDAY=2TU.'
              : null));
  const rrule = startFault === null ? ruleOf(repeat, start, own) : '';
  const draft = useMemo(
    (): MaintenanceDraft => ({
      ...(base === null ? {} : { id: base.id }),
      name: name.trim() === '' ? 'window' : name.trim(),
      matchers: complete(matchers),
      spans: fixed ? (base?.spans ?? []) : [],
      recurrences: fixed
        ? (base?.recurrences ?? [])
        : [
            {
              start: `${start}:00`,
              durationMs: length,
              zone,
              rrule,
              rdates: only?.rdates ?? [],
              exdates: only?.exdates ?? [],
            },
          ],
      comment: comment.trim(),
    }),
    [base, name, matchers, fixed, start, length, zone, rrule, only, comment],
  );
  const ready = startFault === null && length >= MINUTE && (repeat !== 'rule' || rrule !== '');
  const [asked] = useDebouncedValue(draft, 300);
  const preview = useMaintenancePreview(ready ? asked : null);
  const codes = startFault === null ? dayCodes(start) : null;

  return (
    <>
      <TextInput
        size="xs"
        label="Name"
        placeholder="Database patching"
        value={name}
        maxLength={200}
        data-autofocus
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <MatcherBuilder value={matchers} onChange={setMatchers} empty="No matcher: the window covers everything." />
      {fixed ? (
        <p className="muted">
          {base.recurrences.length + base.spans.length} dates from a calendar: change them there and import it again.
        </p>
      ) : (
        <>
          <div className={styles.two}>
            <TextInput
              size="xs"
              type="datetime-local"
              label={repeat === 'once' ? 'Starts' : 'First time'}
              value={start}
              onChange={(event) => setStart(event.currentTarget.value)}
            />
            <NumberInput
              size="xs"
              label="Lasts, minutes"
              min={1}
              max={525_600}
              step={30}
              value={minutes}
              onChange={setMinutes}
            />
            <NativeSelect
              size="xs"
              label="Time zone"
              data={zones(zone)}
              value={zone}
              onChange={(event) => setZone(event.currentTarget.value)}
            />
          </div>
          <div className={styles.field}>
            <span className={styles.fieldName}>Repeats</span>
            <SegmentedControl
              size="xs"
              aria-label="Repeats"
              value={repeat.startsWith('monthly') ? 'monthly' : repeat}
              onChange={(value) => {
                if (value === 'rule' && own === '') setOwn(rrule);
                setRepeat(value === 'monthly' ? 'monthly-day' : (value as Repeat));
              }}
              data={[
                { value: 'once', label: 'Once' },
                { value: 'daily', label: 'Daily' },
                { value: 'weekly', label: 'Weekly' },
                { value: 'monthly', label: 'Monthly' },
                { value: 'rule', label: 'By rule' },
              ]}
            />
            {repeat.startsWith('monthly') && codes !== null && (
              <NativeSelect
                size="xs"
                aria-label="Day of the month"
                value={repeat}
                onChange={(event) => setRepeat(event.currentTarget.value as Repeat)}
                data={[
                  {
                    value: 'monthly-day',
                    label: `on the ${PLACES[Number(codes.nth[0]) - 1] ?? ''} ${dayName(codes.day)}`,
                  },
                  { value: 'monthly-date', label: `on day ${codes.ofMonth}` },
                ]}
              />
            )}
            {repeat === 'rule' && (
              <TextInput
                size="xs"
                label="RFC 5545 rule"
                description={
                  own.trim() === '' ? 'FREQ=MONTHLY;BYDAY=2TU is every second Tuesday' : (ruleWords(own) ?? '')
                }
                placeholder="FREQ=MONTHLY;BYDAY=2TU"
                value={own}
                maxLength={1_000}
                classNames={{ input: 'mono' }}
                onChange={(event) => setOwn(event.currentTarget.value)}
              />
            )}
          </div>
        </>
      )}
      <Textarea
        size="xs"
        label="Comment"
        description="What is done, and where to read more"
        value={comment}
        maxLength={2_000}
        autosize
        minRows={2}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      <WhoField />
      <section className={styles.field} aria-label="Coming occurrences">
        <span className={styles.fieldName}>Comes next, in your time zone ({zoneOfReader()})</span>
        {!ready || preview.data === undefined ? (
          <p className="muted">{ready ? 'Being worked out…' : 'Say when it starts and how long it lasts.'}</p>
        ) : preview.data.next.length === 0 ? (
          <p className={styles.warn}>It does not come in the next 30 days.</p>
        ) : (
          <ol className={styles.next}>
            {preview.data.next.slice(0, 5).map(({ startsAt, endsAt }) => (
              <li key={startsAt}>
                <Time at={startsAt} /> to <Time at={endsAt} look="short" />
              </li>
            ))}
            {preview.data.next.length > 5 && (
              <li className="muted">and {preview.data.next.length - 5} more in 30 days</li>
            )}
          </ol>
        )}
      </section>
      <PreviewPanel
        preview={preview.data}
        error={preview.error}
        pending={preview.isFetching || asked !== draft}
        nothing={ready ? null : 'What it would have muted over the past 30 days appears here.'}
        hint="No incident opened during its occurrences of that time, or the labels do not match."
      />
      <EditorFoot error={save.error}>
        <p className={styles.meta} style={{ flex: 1, alignSelf: 'center' }} aria-live="polite">
          {fault}
        </p>
        <Button size="sm" variant="default" onClick={close}>
          Cancel
        </Button>
        <Button
          size="sm"
          disabled={fault !== null}
          loading={save.isPending}
          onClick={() => save.mutate({ ...draft, ...createdBy }, { onSuccess: (window) => saved(window, now) })}
        >
          {base === null ? 'Create the window' : 'Store the change'}
        </Button>
      </EditorFoot>
    </>
  );
}
