import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';

export interface Palette {
  readonly value: string;
  readonly band: string;
  readonly bandLine: string;
  readonly envelope: string;
  readonly grid: string;
  readonly axis: string;
  readonly panel: string;
  readonly critical: string;
  readonly warning: string;
  readonly stretch: string;
  readonly deploy: string;
  readonly quiet: string;
  readonly font: string;
}

/** The tokens as the canvas needs them, read again when the theme changes. */
export function usePalette(): Palette {
  const scheme = useComputedColorScheme();
  return useMemo(() => read(scheme), [scheme]);
}

function read(_scheme: string): Palette {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    value: token('value'),
    band: token('band'),
    bandLine: token('band-line'),
    envelope: `${token('faint')}40`,
    grid: token('line'),
    axis: token('muted'),
    panel: token('panel'),
    critical: token('critical'),
    warning: token('warning'),
    stretch: `${token('critical')}14`,
    deploy: token('deploy'),
    quiet: token('line-strong'),
    font: style.getPropertyValue('--mantine-font-family').trim() || 'sans-serif',
  };
}
