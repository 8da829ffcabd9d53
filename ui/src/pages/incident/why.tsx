import { Button } from '@mantine/core';
import { ExplainPanel } from '../../explain/explain-panel.tsx';
import { Panel } from '../../shared/panel.tsx';
import { useSearch } from '../../shared/router.tsx';

/** Why it alerted, or did not: every stage's decision with what was compared with what. */
export function Why({ incident }: { incident: string }) {
  const search = useSearch();
  const shown = search.get('why') !== '';
  return (
    <Panel
      title="Why?"
      aside={
        <Button
          size="compact-xs"
          variant="default"
          aria-expanded={shown}
          onClick={() => search.set({ why: shown ? null : 1 })}
        >
          {shown ? 'Hide' : 'Show'}
        </Button>
      }
    >
      {shown ? (
        <ExplainPanel subject={incident} />
      ) : (
        <p className="muted">Each stage that passed or stopped it, with its numbers, and what would have changed it.</p>
      )}
    </Panel>
  );
}
