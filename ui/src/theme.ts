import type { CSSVariablesResolver, MantineColorsTuple } from '@mantine/core';
import { Button, createTheme } from '@mantine/core';

/** The one accent: what can be clicked, where the focus is, what is expected. Never a severity. */
const tide: MantineColorsTuple = [
  '#e3f8fb',
  '#c9eef4',
  '#98dfe9',
  '#6bd0de',
  '#4fc3d4',
  '#2fb0c3',
  '#1797aa',
  '#0c7d8f',
  '#086676',
  '#04515e',
];

/** Mantine's dark greys, cooled to our surfaces. */
const dark: MantineColorsTuple = [
  '#e4e9f0',
  '#c4cdd8',
  '#9aa7b8',
  '#7b899b',
  '#4a5868',
  '#364352',
  '#1a222b',
  '#141a21',
  '#0d1116',
  '#090c10',
];

export const theme = createTheme({
  colors: { tide, dark },
  primaryColor: 'tide',
  primaryShade: { light: 8, dark: 4 },
  defaultRadius: 'sm',
  fontFamily: "Inter, 'Segoe UI', system-ui, -apple-system, 'Liberation Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  headings: { fontWeight: '600' },
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // Mantine picks the text on a filled button for the light scheme alone.
    Button: Button.extend({
      vars: (_theme, { variant = 'filled' }) => ({
        root: variant === 'filled' ? { '--button-color': 'var(--on-accent)' } : {},
      }),
    }),
    SegmentedControl: {
      styles: { root: { background: 'var(--raised)', border: '1px solid var(--line)' } },
    },
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, transitionProps: { duration: 80 } } },
    Popover: { defaultProps: { shadow: 'md', transitionProps: { duration: 80 } } },
    Menu: { defaultProps: { shadow: 'md', transitionProps: { duration: 80 } } },
    Modal: { defaultProps: { transitionProps: { duration: 100 }, overlayProps: { backgroundOpacity: 0.5 } } },
  },
});

/** Mantine's surfaces take our tokens (`shared/tokens.css`). */
export const cssVariables: CSSVariablesResolver = () => {
  const shared = {
    '--mantine-color-body': 'var(--bg)',
    '--mantine-color-text': 'var(--text)',
    '--mantine-color-dimmed': 'var(--muted)',
    '--mantine-color-placeholder': 'var(--muted)',
    '--mantine-color-default': 'var(--raised)',
    '--mantine-color-default-hover': 'var(--hover)',
    '--mantine-color-default-border': 'var(--line-strong)',
    '--mantine-color-anchor': 'var(--accent)',
  };
  return { variables: {}, light: shared, dark: shared };
};
