import type { WireHealth } from '../../api/types.ts';
import { plural, pValue } from '../../shared/format.ts';
import { useNames } from '../../shared/names.tsx';
import { href, Link } from '../../shared/router.tsx';
import { STATE_ORDER, StateSign } from '../../shared/signs.tsx';
import styles from './overview.module.css';

const MODALITIES = [
  ['metric', 'Metrics'],
  ['log', 'Logs'],
  ['trace', 'Traces'],
] as const;

/** Every service as a tile: what is wrong stands out, what is not stays grey. */
export function HealthGrid({ services }: { services: readonly WireHealth[] }) {
  const { short } = useNames();
  const ordered = services.toSorted(
    (a, b) => STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state) || a.service.localeCompare(b.service),
  );
  return (
    <ul className={styles.grid}>
      {ordered.map((service) => (
        <li key={service.service}>
          <Link
            to={href(`services/${encodeURIComponent(service.service)}`)}
            className={styles.tile}
            data-state={service.state}
            data-item
          >
            <span className={styles.tileTop}>
              <StateSign state={service.state} bare size={15} />
              <span className={styles.tileName}>{short(service.service)}</span>
            </span>
            <span className={styles.tileMeta}>
              <span className="mono">{service.version === '' ? 'no version' : service.version}</span>
              <span>{plural(service.series, 'series').replace(/seriess$/, 'series')}</span>
            </span>
            <span className={styles.bars}>
              {MODALITIES.map(([modality, name]) => (
                <Bar key={modality} name={name} p={service.pByModality[modality]} />
              ))}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** Strangeness of one kind of signal, full at p = 1e-6. */
function Bar({ name, p }: { name: string; p: number | null }) {
  const share = p === null ? 0 : Math.min(1, -Math.log10(Math.max(p, 1e-6)) / 6);
  return (
    <span className={styles.bar} title={`${name}: p ${pValue(p)}`}>
      <span className="visually-hidden">
        {name} p {pValue(p)}
      </span>
      <i style={{ width: `${Math.round(share * 100)}%` }} data-strange={share >= 0.5} />
    </span>
  );
}
