/** What travels between server and page; types only, the schemas stay on the server. */

export type { BudgetView as WireBudget } from '../../../src/domain/alerting/budget-view.ts';
export type { DriftReport as WireDrift } from '../../../src/domain/learning/drift.ts';
export type { ModelRecord as WireModel, TrainingJob as WireTrainingJob } from '../../../src/domain/learning/model.ts';
export type { NoiseReport as WireNoise } from '../../../src/domain/learning/noise.ts';
export type { DecisionReplay as WireDecisionReplay } from '../../../src/domain/replay/backtest.ts';
export type {
  WireMaintenance,
  WireMaintenancePreview,
  WirePreview,
  WireSilence,
} from '../../../src/serve/schemas/alerting.ts';
export type {
  WireBacktestJob,
  WireComparison,
  WireExplanation,
} from '../../../src/serve/schemas/backtest.ts';
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
export type { WirePolicy, WireRouting, WireRoutingTest } from '../../../src/serve/schemas/routing.ts';
export type { WireRange, WireSeries, WireSpan, WireTemplate, WireTrace } from '../../../src/serve/schemas/series.ts';
export type {
  WireAudit,
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
