/** Where the tests' two servers listen: one with the generated shop, one that never got any data. */
export const SHOP_PORT = 4471;
export const EMPTY_PORT = 4472;
