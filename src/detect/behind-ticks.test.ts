import { describe, it } from 'vitest';
import { promotedDetectorContract } from './promoted-contract.ts';
import {
  createPromotedDetector,
  createRowDetector,
  PROMOTED_DETECTORS,
  type PromotedDetectorName,
  ROW_DETECTORS,
  type RowDetectorName,
} from './registry.ts';
import { rowDetectorContract } from './row-contract.ts';

describe.each(Object.keys(ROW_DETECTORS) as RowDetectorName[])('contract of %s', (name) => {
  for (const check of rowDetectorContract(() => createRowDetector(name))) it(check.name, () => check.run());
});

describe.each(Object.keys(PROMOTED_DETECTORS) as PromotedDetectorName[])('contract of %s', (name) => {
  for (const check of promotedDetectorContract(() => createPromotedDetector(name))) it(check.name, () => check.run());
});
