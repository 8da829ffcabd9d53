/** What travels between server and page; types only, the schemas stay on the server. */
export type { Problem } from '../../../src/serve/schemas/common.ts';
export type {
  WireAnomaly,
  WireCause,
  WireDeploy,
  WireEvidence,
  WireIncident,
  WireIncidentPage,
  WireIncidentSummary,
  WireTimelineEntry,
  WireVerdict,
} from '../../../src/serve/schemas/incident.ts';
export type { WireRange, WireSeries, WireSpan, WireTemplate, WireTrace } from '../../../src/serve/schemas/series.ts';
export type {
  WireDecision,
  WireEdge,
  WireGraph,
  WireHealth,
  WireOutboxItem,
  WireService,
  WireServices,
  WireStats,
  WireStatus,
} from '../../../src/serve/schemas/system.ts';
