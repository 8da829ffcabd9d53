/** Which labels are part of a series' identity, which name the instance behind it, and which say nothing about either. */

/**
 * Labels and resource attributes that name an instance of a workload, best display name first. They are not part of the
 * workload key: a new pod continues the history of its predecessor.
 */
export const INSTANCE_KEYS = [
  'k8s.pod.name',
  'pod',
  'pod_name',
  'kubernetes_pod_name',
  'service.instance.id',
  'instance',
  'host.name',
  'hostname',
  'host',
  'node',
  'node_name',
  'kubernetes_node',
  'k8s.node.name',
  'container.id',
  'container_id',
  'host.id',
  'process.pid',
  'pid',
  'k8s.pod.uid',
  'pod_uid',
  'uid',
  'k8s.pod.hostname',
  'k8s.pod.ip',
  'pod_ip',
  'host.ip',
  'host_ip',
  'host.mac',
  'k8s.node.uid',
  'k8s.replicaset.name',
  'k8s.replicaset.uid',
  'replicaset',
  'k8s.job.name',
  'k8s.job.uid',
  'cloud.availability_zone',
  'faas.instance',
] as const;

/** Resource attributes that name the service or its version: kept apart from the labels. */
export const SERVICE_KEYS = ['service.name', 'service.namespace', 'service.version'] as const;

/** Where a service's name is taken from when `service.name` is absent or an SDK's placeholder. */
export const SERVICE_FALLBACKS = [
  'k8s.deployment.name',
  'k8s.statefulset.name',
  'k8s.daemonset.name',
  'container.name',
  'job',
] as const;

/** Attributes that change with a release or a restart and tell nothing apart: ignored, by name or by prefix. */
export const VOLATILE_KEYS = [
  'k8s.pod.start_time',
  'k8s.container.restart_count',
  'k8s.deployment.uid',
  'k8s.statefulset.uid',
  'k8s.daemonset.uid',
  'k8s.namespace.uid',
  'pod_template_hash',
  'server_name',
] as const;
export const VOLATILE_PREFIXES = [
  'telemetry.',
  'process.',
  'os.',
  'host.',
  'container.image.',
  'k8s.pod.annotation.',
  'k8s.pod.annotations.',
  'k8s.pod.label.',
  'k8s.pod.labels.',
  'webengine.',
  'otel.scope.',
  'otel_scope_',
] as const;

/** Class of a key: a label, ignored, part of the service's name, or an instance name (`KEY_INSTANCE` + rank). */
export const KEY_LABEL = 0;
export const KEY_VOLATILE = 1;
export const KEY_SERVICE = 2;
export const KEY_INSTANCE = 16;

const EXACT = new Map<string, number>([
  ...VOLATILE_KEYS.map((key) => [key, KEY_VOLATILE] as const),
  ...SERVICE_KEYS.map((key) => [key, KEY_SERVICE] as const),
  ...INSTANCE_KEYS.map((key, rank) => [key, KEY_INSTANCE + rank] as const),
]);

export function classifyKey(key: string): number {
  const exact = EXACT.get(key);
  if (exact !== undefined) return exact;
  return VOLATILE_PREFIXES.some((prefix) => key.startsWith(prefix)) ? KEY_VOLATILE : KEY_LABEL;
}
