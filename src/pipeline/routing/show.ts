import type { CompiledRoute } from '../../alert/route/route.ts';
import { formatMatcher } from '../../domain/alerting/matcher.ts';

/** The tree as lines, one a node: what matches, and who is told. */
export function showRoutes(root: CompiledRoute): string[] {
  const lines: string[] = [];
  const visit = (node: CompiledRoute, prefix: string, branch: string): void => {
    const label = node === root ? 'default-route' : `{${node.matchers.map(formatMatcher).join(',')}}`;
    const extras = [
      node.goOn ? 'continue: true' : '',
      `receiver: ${node.receivers.join(', ') || '-'}`,
      node.minSeverity === 'info' ? '' : `min_severity: ${node.minSeverity}`,
      node.minConfidence === 0 ? '' : `min_confidence: ${node.minConfidence}`,
    ].filter((text) => text !== '');
    lines.push(`${prefix}${branch}${label}  ${extras.join('  ')}`);
    const below = prefix + (branch === '' ? '' : branch.startsWith('└') ? '    ' : '│   ');
    node.children.forEach((childNode, i) => {
      visit(childNode, below, i === node.children.length - 1 ? '└── ' : '├── ');
    });
  };
  visit(root, '', '');
  return lines;
}
