import { randomUUID } from 'node:crypto';
import type { ModelActor, ModelDesk, ModelRecord } from '../../domain/learning/model.ts';
import type { Clock, ControlStore } from '../../domain/ports.ts';
import { findModel, nameOf, pin, promote, rollback } from '../../learn/registry/registry.ts';
import type { SqlControlStore } from '../../store/control/sql-control-store.ts';
import type { Artefacts } from '../../store/models/artefacts.ts';
import { checkArtefact } from './import-model.ts';
import { TRAINABLE, type Training } from './jobs.ts';

export interface ModelDeskOptions {
  readonly control: Pick<ControlStore, 'audit'> & Pick<SqlControlStore, 'models'>;
  readonly artefacts: Artefacts;
  readonly clock: Clock;
  /** Absent where nothing is trained. */
  readonly training?: Training;
}

/** Changes of the registry, one after another, each in one transaction and in the audit log. */
export function createModelDesk({ control, artefacts, clock, training }: ModelDeskOptions): ModelDesk & {
  /** Writes records that were made elsewhere. */
  save(
    action: string,
    subject: string,
    change: readonly ModelRecord[],
    who: ModelActor,
  ): Promise<readonly ModelRecord[]>;
} {
  const store = control.models;
  let last: Promise<unknown> = Promise.resolve();

  /** Two changes at once could make two champions. */
  function alone<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  }

  async function save(
    action: string,
    subject: string,
    change: readonly ModelRecord[],
    { by, from }: ModelActor,
  ): Promise<readonly ModelRecord[]> {
    if (change.length === 0) return change;
    await store.saveModels(change);
    const detail = change.map((record) => ({ model: nameOf(record), state: record.state, pinned: record.pinned }));
    await control.audit({ id: randomUUID(), at: clock.now(), by, from, action: `model.${action}`, subject, detail });
    return change;
  }

  const trainer = (): Training => {
    if (training === undefined) throw new Error('this desk trains nothing');
    return training;
  };

  return {
    save,
    trainable: training === undefined ? [] : Object.keys(TRAINABLE),
    models: () => store.models(),
    jobs: () => training?.jobs() ?? store.jobs(),
    async train(model, options, who) {
      const job = await trainer().start(model, options, who.by);
      await control.audit({
        id: randomUUID(),
        at: clock.now(),
        ...who,
        action: 'model.train',
        subject: model,
        detail: { job: job.id, options },
      });
      return job;
    },
    async cancel(id, who) {
      const job = await trainer().cancel(id);
      await control.audit({
        id: randomUUID(),
        at: clock.now(),
        ...who,
        action: 'model.cancel',
        subject: job.model,
        detail: { job: id },
      });
      return job;
    },
    promote: (reference, who) =>
      alone(async () => {
        const records = await store.models();
        const { format, checksum } = findModel(records, reference);
        // A champion that cannot be loaded would only be found by those who wait for it.
        checkArtefact(format, artefacts.read(checksum));
        return save('promote', reference, promote(records, reference, clock.now()), who);
      }),
    rollback: (name, who) =>
      alone(async () => save('rollback', name, rollback(await store.models(), name, clock.now()), who)),
    pin: (reference, pinned, who) =>
      alone(async () => save(pinned ? 'pin' : 'unpin', reference, pin(await store.models(), reference, pinned), who)),
  };
}
