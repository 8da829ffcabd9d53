/**
 * The demo's shop: ten services, who calls whom, and what their normal day looks like. Numbers are invented but plausible;
 * nothing in the product knows them.
 */
export interface Call {
  readonly service: string;
  readonly operation: string;
  /** How often the operation makes this call, 0-1. */
  readonly share: number;
}

export interface Operation {
  readonly name: string;
  /** Median of its own time (without the calls it makes), ms. */
  readonly selfMs: number;
  /** Spread of the log-normal self time. */
  readonly sigma: number;
  readonly errorRate: number;
  readonly calls: readonly Call[];
}

export interface Service {
  readonly name: string;
  readonly language: string;
  readonly replicas: number;
  readonly version: string;
  /** CPU cores per pod at rest and per request a second. */
  readonly cpuIdle: number;
  readonly cpuPerRequest: number;
  readonly memoryMb: number;
  readonly operations: readonly Operation[];
  /** Lines a healthy request leaves behind; `{}` is filled with changing values. */
  readonly logs: readonly string[];
}

const op = (name: string, selfMs: number, calls: readonly Call[] = [], errorRate = 0.001, sigma = 0.35): Operation => ({
  name,
  selfMs,
  sigma,
  errorRate,
  calls,
});
const call = (service: string, operation: string, share = 1): Call => ({ service, operation, share });

export const SHOP: readonly Service[] = [
  {
    name: 'frontend',
    language: 'nodejs',
    replicas: 3,
    version: '4.12.0',
    cpuIdle: 0.08,
    cpuPerRequest: 0.006,
    memoryMb: 310,
    operations: [
      op('GET /', 6, [
        call('catalog', 'ListProducts'),
        call('recommendations', 'Recommend'),
        call('currency', 'Convert', 0.6),
      ]),
      op('GET /product/{id}', 5, [call('catalog', 'GetProduct'), call('recommendations', 'Recommend', 0.8)]),
      op('GET /search', 4, [call('search', 'Query')]),
      op('POST /cart', 4, [call('cart', 'AddItem')]),
      op('POST /checkout', 7, [call('checkout', 'PlaceOrder')], 0.002),
    ],
    logs: ['GET /product/{} 200 {}ms', 'session {} resumed', 'rendered page home in {}ms'],
  },
  {
    name: 'catalog',
    language: 'go',
    replicas: 2,
    version: '2.7.3',
    cpuIdle: 0.05,
    cpuPerRequest: 0.004,
    memoryMb: 140,
    operations: [op('ListProducts', 9), op('GetProduct', 4)],
    logs: ['listed {} products in {}ms', 'cache hit for product {}', 'cache miss for product {}, reading from store'],
  },
  {
    name: 'recommendations',
    language: 'python',
    replicas: 2,
    version: '1.30.1',
    cpuIdle: 0.12,
    cpuPerRequest: 0.011,
    memoryMb: 520,
    operations: [op('Recommend', 18, [call('catalog', 'GetProduct', 0.5)], 0.002, 0.45)],
    logs: ['recommended {} items for user {}', 'model served from cache, age {}s'],
  },
  {
    name: 'search',
    language: 'java',
    replicas: 2,
    version: '3.3.0',
    cpuIdle: 0.1,
    cpuPerRequest: 0.009,
    memoryMb: 900,
    operations: [op('Query', 22, [], 0.001, 0.5)],
    logs: ['query took {}ms, {} hits', 'index segment {} merged'],
  },
  {
    name: 'cart',
    language: 'dotnet',
    replicas: 2,
    version: '5.1.0',
    cpuIdle: 0.05,
    cpuPerRequest: 0.003,
    memoryMb: 210,
    operations: [op('AddItem', 5), op('GetCart', 3), op('EmptyCart', 4)],
    logs: ['added item {} to cart {}', 'cart {} loaded with {} items'],
  },
  {
    name: 'checkout',
    language: 'go',
    replicas: 2,
    version: '1.9.4',
    cpuIdle: 0.04,
    cpuPerRequest: 0.008,
    memoryMb: 160,
    operations: [
      op(
        'PlaceOrder',
        10,
        [
          call('cart', 'GetCart'),
          call('currency', 'Convert'),
          call('payments', 'Charge'),
          call('shipping', 'ShipOrder'),
          call('email', 'SendConfirmation', 0.9),
          call('cart', 'EmptyCart'),
        ],
        0.002,
      ),
    ],
    logs: ['order {} placed, total {} EUR', 'order {} confirmed in {}ms'],
  },
  {
    name: 'payments',
    language: 'nodejs',
    replicas: 2,
    version: '2.4.1',
    cpuIdle: 0.05,
    cpuPerRequest: 0.01,
    memoryMb: 190,
    operations: [op('Charge', 35, [call('fraud', 'Score', 0.95)], 0.003, 0.3)],
    logs: ['charged card ending {} amount {}', 'transaction {} authorised'],
  },
  {
    name: 'fraud',
    language: 'python',
    replicas: 1,
    version: '0.18.2',
    cpuIdle: 0.1,
    cpuPerRequest: 0.012,
    memoryMb: 640,
    operations: [op('Score', 14, [], 0.001, 0.4)],
    logs: ['scored transaction {} risk {}'],
  },
  {
    name: 'shipping',
    language: 'rust',
    replicas: 2,
    version: '1.2.8',
    cpuIdle: 0.02,
    cpuPerRequest: 0.002,
    memoryMb: 60,
    operations: [op('ShipOrder', 8)],
    logs: ['shipment {} created for order {}', 'tracking id {} issued'],
  },
  {
    name: 'currency',
    language: 'cpp',
    replicas: 2,
    version: '1.0.6',
    cpuIdle: 0.02,
    cpuPerRequest: 0.001,
    memoryMb: 40,
    operations: [op('Convert', 1.5)],
    logs: ['converted {} EUR to USD'],
  },
  {
    name: 'email',
    language: 'ruby',
    replicas: 1,
    version: '2.2.0',
    cpuIdle: 0.03,
    cpuPerRequest: 0.006,
    memoryMb: 130,
    operations: [op('SendConfirmation', 25, [], 0.004, 0.5)],
    logs: ['confirmation mail {} queued', 'delivered mail {} in {}ms'],
  },
];

/** Entry operations and their share of the traffic. */
export const ENTRY: readonly { readonly operation: string; readonly share: number }[] = [
  { operation: 'GET /', share: 0.34 },
  { operation: 'GET /product/{id}', share: 0.36 },
  { operation: 'GET /search', share: 0.14 },
  { operation: 'POST /cart', share: 0.11 },
  { operation: 'POST /checkout', share: 0.05 },
];

export const serviceNamed = (name: string): Service => SHOP.find((service) => service.name === name)!;

const DAY = 86_400_000;

/** Requests a second at the front door: two humps a day, quiet nights, 25 % less at weekends (UTC). */
export function loadAt(at: number): number {
  const hour = (at % DAY) / 3_600_000;
  const day =
    0.55 +
    0.45 * Math.exp(-(((hour - 12) / 4.2) ** 2)) +
    0.55 * Math.exp(-(((hour - 20) / 2.6) ** 2)) -
    0.35 * Math.exp(-(((hour - 4) / 3) ** 2));
  const weekday = new Date(at).getUTCDay();
  return 42 * Math.max(0.12, day) * (weekday === 0 || weekday === 6 ? 0.75 : 1);
}
