import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { formatMatcher, type Matcher } from '../../domain/alerting/matcher.ts';
import { TocsinError } from '../../domain/error.ts';
import type { VerdictKind } from '../../domain/verdict.ts';
import { createActions } from '../actions.ts';
import type { App } from '../app.ts';
import { SLACK_PATH } from '../auth/auth.ts';
import type { ApiDeps } from '../deps.ts';

const MAX_AGE = 300_000;
const SILENCE_FOR = 3_600_000;

const payloadSchema = z.object({
  type: z.literal('block_actions'),
  user: z.object({ id: z.string(), username: z.string().optional(), name: z.string().optional() }),
  actions: z.array(z.object({ action_id: z.string(), value: z.string().max(2_000).optional() })).min(1),
});

const VERDICTS: Readonly<Record<string, VerdictKind>> = {
  tocsin_verdict_real: 'real',
  'tocsin_verdict_false-alarm': 'false-alarm',
};

/** Buttons of Slack messages. The signature is the credential: no bearer token is asked for here. */
export function slackRoutes(app: App, deps: ApiDeps): void {
  const secret = deps.slackSigningSecret ?? '';
  if (secret === '') return;
  const { clock, control } = deps;
  const actions = createActions(deps);
  void app.register(async (plain) => {
    const scope = plain as unknown as App;
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
      done(null, body),
    );
    scope.post(SLACK_PATH, { schema: { hide: true } }, async (request) => {
      const raw = typeof request.body === 'string' ? request.body : '';
      if (!isSigned(raw, request.headers, secret, clock.now()))
        throw new TocsinError(
          'unauthenticated',
          'the signature does not fit the request, or it is older than five minutes',
        );
      const parsed = payloadSchema.safeParse(payloadOf(raw));
      if (!parsed.success) throw new TocsinError('invalid_request', 'not a press of one of our buttons');
      const { user } = parsed.data;
      const by = `slack:${user.username ?? user.name ?? user.id}`;
      // A message about a group names all its incidents.
      const pressed = parsed.data.actions.flatMap(({ action_id: action, value = '' }) =>
        value.split(' ').map((id) => ({ action, id })),
      );
      for (const { action, id } of pressed) {
        const verdict = VERDICTS[action];
        if (verdict !== undefined) await actions.verdict(id, verdict, '', { by, from: 'slack' });
        else if (action === 'tocsin_acknowledge') await actions.acknowledge(id, { by, from: 'slack' });
        else if (action === 'tocsin_silence') await silence(id, by);
      }
      return {};
    });

    /** Its services for an hour: whoever silences a story means that story, not the whole company. */
    async function silence(id: string, by: string): Promise<void> {
      const incident = await actions.find(id);
      const services = [...new Set(incident.services)].map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      const matchers: Matcher[] = [
        { name: 'tenant', value: incident.tenant, isRegex: false, isEqual: true },
        { name: 'service', value: services.join('|').slice(0, 512), isRegex: true, isEqual: true },
      ];
      const now = clock.now();
      const made = await deps.alerting?.putSilence({
        matchers,
        startsAt: now,
        endsAt: now + SILENCE_FOR,
        createdBy: by,
        comment: `from Slack: ${incident.title}`.slice(0, 2_000),
      });
      if (made === undefined) return;
      const detail = { matchers: matchers.map(formatMatcher).join(', '), endsAt: made.endsAt };
      await control.audit({
        id: randomUUID(),
        at: now,
        by,
        from: 'slack',
        action: 'silence.create',
        subject: made.id,
        detail,
      });
    }
  });
}

/** `v0=` + HMAC-SHA256 of `v0:<timestamp>:<body>`, within five minutes, compared in constant time. */
function isSigned(body: string, headers: IncomingHttpHeaders, secret: string, now: number): boolean {
  const at = String(headers['x-slack-request-timestamp'] ?? '');
  const given = Buffer.from(String(headers['x-slack-signature'] ?? ''));
  if (!/^\d{1,12}$/.test(at) || Math.abs(now - Number(at) * 1_000) > MAX_AGE) return false;
  const expected = Buffer.from(`v0=${createHmac('sha256', secret).update(`v0:${at}:${body}`).digest('hex')}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function payloadOf(body: string): unknown {
  try {
    return JSON.parse(new URLSearchParams(body).get('payload') ?? '') as unknown;
  } catch {
    return null;
  }
}
