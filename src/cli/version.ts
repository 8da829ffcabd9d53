declare const TOCSIN_VERSION: string | undefined;

/** From package.json, put in by the build; `dev` when run from sources. */
export const VERSION: string = typeof TOCSIN_VERSION === 'string' ? TOCSIN_VERSION : 'dev';
