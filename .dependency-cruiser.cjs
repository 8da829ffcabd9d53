// The layer table of test/layers.test.ts once more, by a tool that resolves modules and sees cycles.
const KERNEL = '^src/(domain|stats|features|detect|fuse|learn|alert(?!/notify))/';
const EDGE = ['ingest', 'bus', 'store', 'serve', 'observe', 'config'];
const STAGES = ['features', 'detect', 'fuse', 'learn', 'alert', ...EDGE];

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'domain-imports-nothing', severity: 'error', from: { path: '^src/domain/' }, to: { pathNot: '^src/domain/' } },
    { name: 'stats-imports-domain-only', severity: 'error', from: { path: '^src/stats/' }, to: { pathNot: '^src/(domain|stats)/' } },
    { name: 'kernel-is-pure', severity: 'error', from: { path: KERNEL }, to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'] } },
    ...STAGES.map((stage) => ({
      name: `${stage}-stays-in-its-lane`,
      severity: 'error',
      from: { path: `^src/${stage}/` },
      to: { path: '^src/', pathNot: `^src/(domain|stats|${stage})/` },
    })),
    { name: 'alert-does-not-know-notify', severity: 'error', from: { path: '^src/alert/(?!notify)' }, to: { path: '^src/alert/notify/' } },
    { name: 'ui-takes-types-only', severity: 'error', from: { path: '^ui/' }, to: { path: '^src/', dependencyTypesNot: ['type-only'] } },
    { name: 'not-to-wiring', severity: 'error', from: { pathNot: '^(src/(pipeline|cli)|test|bench|eval|scripts)/' }, to: { path: '^src/(pipeline|cli)/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.(test|bench)\\.ts$|/contract\\.ts$|/testing/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'], extensions: ['.ts', '.js', '.mjs'] },
  },
};
