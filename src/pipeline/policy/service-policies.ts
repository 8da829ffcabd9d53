import { formatDuration } from '../../config/duration.ts';
import {
  compilePolicies,
  type Importance,
  isOutOfRange,
  labelsOfEvidence,
  type Policy,
} from '../../domain/alerting/policy.ts';
import type { Anomaly } from '../../domain/anomaly.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import type { DecidePolicies } from '../../fuse/decide/policies.ts';

/** What the policies say where services are decided on. */
export interface ServicePolicies extends DecidePolicies {
  importanceOf(anomalies: readonly Anomaly[]): Importance;
}

/** @param deploys those of the last hours, as they are now. Null when nothing is said. */
export function createServicePolicies(
  given: readonly Policy[],
  deploys: () => readonly DeployMarker[],
): ServicePolicies | null {
  const policies = compilePolicies(given);
  if (policies.empty) return null;
  const of = (tenant: string, service: string) => policies.find({ tenant, service });
  return {
    service(tenant, service) {
      const profile = of(tenant, service);
      if (profile === null) return null;
      const { m_of_n: own, flap_damping: flapping } = profile;
      return {
        ...(own === undefined
          ? {}
          : {
              persistence: {
                needed: own.needed,
                window: own.window,
                closeTicks: own.recover_ticks,
                closeAfter: own.recover_after,
              },
            }),
        ...(flapping === undefined ? {} : { flapping }),
      };
    },
    evidence(tenant, evidence) {
      const profile = policies.find(labelsOfEvidence(tenant, evidence));
      if (profile === null) return null;
      // The shard has judged it already: what a policy says replaces the general rule.
      const own = profile.min_rel_dev_from_expected !== undefined || profile.min_dev_from_expected !== undefined;
      const outside = isOutOfRange(profile, evidence.value);
      return {
        ...(own || outside ? { minRelativeDeviation: 0, minAbsoluteDeviation: 0 } : {}),
        ...(profile.detection_direction === undefined && !outside ? {} : { upOnly: [] }),
      };
    },
    grace(tenant, service, at) {
      const grace = of(tenant, service)?.deploy_grace;
      if (grace === undefined) return null;
      const deploy = deploys().findLast((d) => d.service === service && d.at <= at && at - d.at < grace);
      const by = of(tenant, service)?.by['deploy_grace'] ?? '';
      return deploy === undefined
        ? null
        : `policy "${by}": ${formatDuration(grace)} of grace after the deploy of ${deploy.to} at ${new Date(deploy.at).toISOString()}`;
    },
    importanceOf(anomalies) {
      const all = anomalies.flatMap((anomaly) => {
        const own = of(anomaly.tenant, anomaly.service)?.importance;
        const found = anomaly.evidence.map(
          (e) => policies.find(labelsOfEvidence(anomaly.tenant, e))?.importance ?? 'normal',
        );
        return found.length > 0 ? found : [own ?? 'normal'];
      });
      if (all.includes('high')) return 'high';
      return all.length > 0 && all.every((importance) => importance === 'low') ? 'low' : 'normal';
    },
  };
}
