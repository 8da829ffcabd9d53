import { isDeepStrictEqual } from 'node:util';
import type { DecisionRecord } from '../../domain/decision.ts';
import type { DecisionReplay } from '../../domain/replay/backtest.ts';
import { bare, type JournalledReport } from '../../domain/replay/journal.ts';
import { MINUTE } from '../../domain/units.ts';
import { EngineFeed } from '../backtest/engine-feed.ts';
import { moments } from '../backtest/player.ts';
import {
  anchorsBefore,
  checkpointOf,
  openRetained,
  type Retained,
  segmentBefore,
  settingsOf,
} from '../backtest/retained.ts';

export interface VerifyOptions {
  readonly dataDir: string;
  readonly decision: DecisionRecord;
  readonly onProgress: (share: number) => void;
}

type Level = DecisionReplay['levels'][number];

/** A decision is written with its report, or soon after by what waited for it. */
const AFTER = MINUTE;

/**
 * Makes a past decision again, twice: from the ticks that were written down, and from the raw input through the detectors. Every
 * number is compared bit by bit.
 */
export function verifyDecision({ dataDir, decision }: VerifyOptions): readonly Level[] {
  const retained = openRetained(dataDir);
  // A decision that bears the time of a checkpoint was made before it.
  const segment = segmentBefore(retained, decision.at - 1);
  if (retained.segments[segment]!.from > decision.at) {
    const kept = new Date(retained.segments[0]!.from).toISOString();
    return [
      gone('ticks', `ticks are kept from ${kept} on only (retention.ticks)`),
      gone('input', 'without ticks nothing says what to compare with'),
    ];
  }
  return [fromTicks(retained, segment, decision), fromInput(retained, segment, decision)];
}

const gone = (level: Level['level'], text: string): Level => ({
  level,
  available: false,
  identical: null,
  text,
  differences: [],
});

function fromTicks(retained: Retained, segment: number, decision: DecisionRecord): Level {
  for (const { report, late, side } of moments(retained, segment)) {
    const found = side.decisions.get(decision.id);
    if (found !== undefined || report.at > decision.at + AFTER) return compared('ticks', decision, found);
    side.take(report, late);
    const made = side.decisions.get(decision.id);
    if (made !== undefined) return compared('ticks', decision, made);
  }
  return compared('ticks', decision, undefined);
}

function compared(level: Level['level'], recorded: DecisionRecord, replayed: DecisionRecord | undefined): Level {
  if (replayed === undefined)
    return {
      level,
      available: true,
      identical: false,
      text: 'the replay does not come to this decision',
      differences: [],
    };
  const differences = differencesOf(recorded, replayed);
  const same = differences.length === 0;
  const text = same ? 'the same decision, bit by bit' : `${differences.length} fields differ`;
  return { level, available: true, identical: same, text, differences };
}

function fromInput(retained: Retained, segment: number, decision: DecisionRecord): Level {
  const checkpoint = checkpointOf(retained.segments[segment]!);
  const anchors = anchorsBefore(retained, checkpoint);
  if (anchors === null) return gone('input', 'the raw input of that time is no longer kept (retention.input)');
  const settings = settingsOf(checkpoint);
  const feeds = anchors.map((anchor) => new EngineFeed(retained.dataDir, anchor, settings));
  let reports = 0;
  for (const moment of moments(retained, segment)) {
    const { report: written, late } = moment;
    if (written.at > decision.at + AFTER) break;
    if (moment.stamp.configHash !== checkpoint.stamp.configHash)
      return gone('input', 'the configuration changed between the kept state and this decision');
    const feed = feeds[written.shard];
    if (feed === undefined) return gone('input', `shard ${written.shard} is not kept`);
    while ((feed.peek()?.sequence ?? Number.POSITIVE_INFINITY) < written.sequence) feed.take();
    const again = feed.take();
    if (again === null) return gone('input', 'the raw input of that time is no longer kept (retention.input)');
    reports++;
    const differences = reportDifferences(bare(written), bare(again));
    if (differences.length > 0)
      return {
        level: 'input',
        available: true,
        identical: false,
        text: `report ${written.sequence} of shard ${written.shard} comes out otherwise`,
        differences,
      };
    moment.side.take(again, late);
    const made = moment.side.decisions.get(decision.id);
    if (made !== undefined) {
      const result = compared('input', decision, made);
      return result.identical === true
        ? { ...result, text: `the same decision, bit by bit, and so are the ${reports} reports up to it` }
        : result;
    }
  }
  return compared('input', decision, undefined);
}

function reportDifferences(recorded: JournalledReport, replayed: JournalledReport): Level['differences'] {
  if (isDeepStrictEqual(recorded, replayed)) return [];
  const out: Level['differences'][number][] = [];
  for (const [i, tick] of recorded.services.entries()) {
    const other = replayed.services[i];
    if (!isDeepStrictEqual(tick, other))
      out.push({
        field: tick.service,
        recorded: `p ${tick.p}`,
        replayed: other === undefined ? 'absent' : `p ${other.p}`,
      });
  }
  return out.length > 0 ? out : [{ field: 'report', recorded: 'as written', replayed: 'otherwise' }];
}

function differencesOf(recorded: DecisionRecord, replayed: DecisionRecord): Level['differences'] {
  return (Object.keys(recorded) as (keyof DecisionRecord)[]).flatMap((field) =>
    Object.is(recorded[field], replayed[field])
      ? []
      : [{ field, recorded: String(recorded[field]), replayed: String(replayed[field]) }],
  );
}
