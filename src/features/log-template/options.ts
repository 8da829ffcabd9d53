import type { Options, OptionsSpec } from '../../domain/options.ts';

export const LOG_TEMPLATE_OPTIONS = {
  similarity: {
    type: 'number',
    default: 0.7,
    min: 0.1,
    max: 1,
    doc: 'Share of equal words from which a line joins a known template.',
  },
  crowd: {
    type: 'integer',
    default: 16,
    min: 1,
    max: 1000,
    doc: 'Templates with one beginning from which on lines join more easily.',
  },
  maxChildren: {
    type: 'integer',
    default: 200,
    min: 1,
    max: 10_000,
    doc: 'First words of lines of one length told apart.',
  },
  maxLeaf: { type: 'integer', default: 64, min: 1, max: 1000, doc: 'Templates compared for one line.' },
  maxTemplates: {
    type: 'integer',
    default: 16_384,
    min: 16,
    max: 1_000_000,
    doc: 'Templates kept a shard; further ones are counted under one catch-all template a service.',
  },
  maxServiceTemplates: { type: 'integer', default: 2048, min: 8, max: 100_000, doc: 'Templates kept a service.' },
  cacheSlots: {
    type: 'integer',
    default: 262_144,
    min: 1024,
    max: 16_777_216,
    doc: 'Line shapes remembered a shard, 16 bytes each; rounded up to a power of two.',
  },
  forgetAfter: {
    type: 'duration',
    default: 7 * 86_400_000,
    min: 60_000,
    doc: 'Templates not seen for this long make room when the table is nearly full.',
  },
} as const satisfies OptionsSpec;
export type LogTemplateOptions = Options<typeof LOG_TEMPLATE_OPTIONS>;
