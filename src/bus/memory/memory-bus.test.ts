import { describe } from 'vitest';
import { busContract } from '../contract.ts';
import { MemoryBus } from './memory-bus.ts';

describe('memory bus', () => {
  busContract(async () => ({ bus: new MemoryBus(), name: (topic) => topic }));
});
