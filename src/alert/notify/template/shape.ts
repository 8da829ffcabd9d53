/** What data a template can count on; checked once, when the configuration is read. */
export type Shape =
  | { readonly kind: 'any' | 'text' | 'number' | 'boolean' }
  | { readonly kind: 'list'; readonly item: Shape }
  | { readonly kind: 'map'; readonly item: Shape }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Shape>> };
