// Before the first paint: the colour scheme, so that nothing flashes, and a base that stays right when the path changes.
(() => {
  const root = document.documentElement;
  let chosen = 'auto';
  try {
    chosen = localStorage.getItem('tocsin.scheme') ?? 'auto';
  } catch {}
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
  const base = document.querySelector('base');
  if (base) base.href = base.href;
})();
