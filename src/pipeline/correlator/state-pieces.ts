import type { Anomaly, Evidence } from '../../domain/anomaly.ts';
import type { Incident } from '../../domain/incident.ts';
import type { StatePieces } from '../../domain/ports.ts';
import { pieceMark } from '../../store/control/pieces.ts';
import type { CorrelatorState } from './correlator.ts';

/** Shorter texts are not worth a row of their own. */
const SHORTEST = 256;

/** A text in which longer parts are only named, and those parts. */
interface Text {
  readonly text: string;
  readonly parts: readonly Piece[];
}

interface Piece extends Text {
  readonly key: string;
}

export interface SplitState {
  readonly state: string;
  readonly pieces: StatePieces;
}

/**
 * Writes the correlator's state as a small text that names its large parts (evidence, anomalies, incidents), which seldom change, and of
 * these only what is new since the last time. With the parts put back it is `JSON.stringify(state)`, character by character.
 * Relies on incidents, anomalies and lists of evidence never being changed in place. A part of equal text is kept once: an
 * anomaly is in the decision and in its incident, its evidence in both and among the suspects.
 */
export function createStatePieces(): { split(state: CorrelatorState): SplitState } {
  const known = new WeakMap<object, Text>();
  /** What the store has, and what the state needs now, by key and by text. */
  let stored = new Map<string, Piece>();
  let storedTexts = new Map<string, Piece>();
  let used = new Map<string, Piece>();
  let usedTexts = new Map<string, Piece>();
  let next = 0;
  let first = true;

  /** Named instead of written when it is long. */
  function named({ text, parts }: Text): Text {
    if (text.length < SHORTEST) return { text, parts };
    let piece = usedTexts.get(text) ?? storedTexts.get(text);
    if (piece === undefined) {
      piece = { key: String(next), text, parts };
      next += 1;
    }
    use(piece);
    return { text: pieceMark(piece.key), parts: [piece] };
  }

  function use(piece: Piece): void {
    if (used.has(piece.key)) return;
    used.set(piece.key, piece);
    usedTexts.set(piece.text, piece);
    piece.parts.forEach(use);
  }

  function remembered(value: object, write: () => Text): Text {
    const before = known.get(value);
    if (before !== undefined) {
      before.parts.forEach(use);
      return before;
    }
    const made = named(write());
    known.set(value, made);
    return made;
  }

  const ofEvidence = (evidence: readonly Evidence[]): Text =>
    remembered(evidence, () => ({ text: JSON.stringify(evidence), parts: [] }));
  const ofAnomaly = (anomaly: Anomaly): Text =>
    remembered(anomaly, () => filled({ ...anomaly, evidence: [] }, { evidence: ofEvidence(anomaly.evidence) }));
  const ofIncident = (incident: Incident): Text =>
    remembered(incident, () =>
      filled(
        { ...incident, anomalies: [], evidence: [] },
        { anomalies: listed(incident.anomalies.map(ofAnomaly)), evidence: ofEvidence(incident.evidence) },
      ),
    );

  function whole(state: CorrelatorState): Text {
    const services = state.decide.services.map((service) => {
      const fields: Record<string, Text> = { evidence: ofEvidence(service.evidence) };
      if (service.open !== null) fields['open'] = ofAnomaly(service.open);
      return filled({ ...service, evidence: [], ...(service.open === null ? {} : { open: [] }) }, fields);
    });
    const suspects = state.suspects.map(([key, suspicion]) => {
      const { text, parts } = filled({ ...suspicion, evidence: [] }, { evidence: ofEvidence(suspicion.evidence) });
      return { text: `[${JSON.stringify(key)},${text}]`, parts };
    });
    return filled(
      { ...state, decide: [], incidents: [], suspects: [] },
      {
        decide: filled({ ...state.decide, services: [] }, { services: listed(services) }),
        incidents: filled(
          { ...state.incidents, incidents: [] },
          { incidents: listed(state.incidents.incidents.map(ofIncident)) },
        ),
        suspects: listed(suspects),
      },
    );
  }

  return {
    split(state) {
      used = new Map();
      usedTexts = new Map();
      const { text } = whole(state);
      const fresh: [string, string][] = [];
      for (const [key, piece] of used) if (!stored.has(key)) fresh.push([key, piece.text]);
      const gone = [...stored.keys()].filter((key) => !used.has(key));
      stored = used;
      storedTexts = usedTexts;
      const pieces = { fresh, gone, all: first };
      first = false;
      return { state: text, pieces };
    },
  };
}

/** The JSON of an object with texts in the place of the fields of these names, which are `[]` in it. */
function filled(value: object, fields: Readonly<Record<string, Text>>): Text {
  const body = Object.entries(value).flatMap(([name, item]) => {
    const text = Object.hasOwn(fields, name) ? fields[name]!.text : (JSON.stringify(item) as string | undefined);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return { text: `{${body.join(',')}}`, parts: Object.values(fields).flatMap(({ parts }) => parts) };
}

const listed = (texts: readonly Text[]): Text => ({
  text: `[${texts.map(({ text }) => text).join(',')}]`,
  parts: texts.flatMap(({ parts }) => parts),
});
