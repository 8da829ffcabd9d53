/** Metric name, unit, factor from the file's unit, labels. */
export type GaugeColumn = readonly [
  metric: string,
  unit: string,
  factor: number,
  labels?: Readonly<Record<string, string>>,
];

/** Column of a pod file -> gauge. Success rates are constant and left out. */
export const POD_COLUMNS: Readonly<Record<string, GaugeColumn>> = {
  'CpuUsage(m)': ['k8s.pod.cpu.usage', '{cpu}', 1e-3],
  'CpuUsageRate(%)': ['k8s.pod.cpu_limit_utilization', '1', 1e-2],
  'MemoryUsage(Mi)': ['k8s.pod.memory.usage', 'By', 1_048_576],
  'MemoryUsageRate(%)': ['k8s.pod.memory_limit_utilization', '1', 1e-2],
  SyscallRead: ['process.syscalls.read', '{call}', 1],
  SyscallWrite: ['process.syscalls.write', '{call}', 1],
  NetworkReceiveBytes: ['k8s.pod.network.receive', 'By/s', 1],
  NetworkTransmitBytes: ['k8s.pod.network.transmit', 'By/s', 1],
  'PodClientLatencyP90(s)': ['rpc.client.latency', 's', 1, { quantile: '0.9' }],
  'PodServerLatencyP90(s)': ['rpc.server.latency', 's', 1, { quantile: '0.9' }],
  'PodClientLatencyP95(s)': ['rpc.client.latency', 's', 1, { quantile: '0.95' }],
  'PodServerLatencyP95(s)': ['rpc.server.latency', 's', 1, { quantile: '0.95' }],
  'PodClientLatencyP99(s)': ['rpc.client.latency', 's', 1, { quantile: '0.99' }],
  'PodServerLatencyP99(s)': ['rpc.server.latency', 's', 1, { quantile: '0.99' }],
  'PodWorkload(Ops)': ['rpc.server.requests', '{request}/s', 1],
};

export const NODE_COLUMNS: Readonly<Record<string, GaugeColumn>> = {
  'NodeCpuUsageRate(%)': ['k8s.node.cpu.utilization', '1', 1e-2],
  'NodeMemoryUsageRate(%)': ['k8s.node.memory.utilization', '1', 1e-2],
  NodeNetworkReceiveBytes: ['k8s.node.network.receive', 'By/s', 1],
};

export const FRONT_COLUMNS: Readonly<Record<string, GaugeColumn>> = {
  'LatencyP50(s)': ['frontend.latency', 's', 1, { quantile: '0.5' }],
  'LatencyP90(s)': ['frontend.latency', 's', 1, { quantile: '0.9' }],
  'LatencyP95(s)': ['frontend.latency', 's', 1, { quantile: '0.95' }],
  'LatencyP99(s)': ['frontend.latency', 's', 1, { quantile: '0.99' }],
};
