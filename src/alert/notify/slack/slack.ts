import { TocsinError } from '../../../domain/error.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { fieldIn, fieldsOf, postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, TEXT_OPTIONS, TEXT_TEMPLATES } from '../texts.ts';
import { messageOf } from './message.ts';

const options = {
  title: TEXT_OPTIONS.title,
  text: { type: 'string', default: '{{ .summary }}', doc: 'Template of the body; the likely causes stand below it' },
  webhook_url: { type: 'string', default: '', doc: 'Incoming-webhook address of the channel; also webhook_url_file' },
  bot_token: {
    type: 'string',
    default: '',
    doc: 'Token of an app with chat:write, instead of webhook_url: messages are edited in place and have buttons; also bot_token_file',
  },
  channel: { type: 'string', default: '', doc: 'Channel id for the bot, e.g. C024BE91L' },
  api_url: { type: 'string', default: 'https://slack.com/api', doc: 'Base address of the Web API' },
  buttons: {
    type: 'boolean',
    default: true,
    doc: 'Acknowledge, silence and verdict buttons on the bot’s messages; they need api.slack_signing_secret',
  },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
} as const;

/** Errors of the Web API that pass; every other one needs a person. */
const PASSING = new Set([
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
]);
const GONE = new Set(['message_not_found', 'cant_update_message', 'edit_window_closed', 'thread_not_found']);

/** Slack as Block Kit: through an incoming webhook, or as a bot that edits its message and takes answers. */
export const slack: ReceiverType<typeof options> = {
  type: 'slack',
  options,
  required: [],
  secrets: ['webhook_url', 'bot_token'],
  templates: TEXT_TEMPLATES,
  fault: ({ webhook_url, bot_token, channel }) => {
    if ((webhook_url === '') === (bot_token === ''))
      return { key: 'webhook_url', message: 'give either webhook_url or bot_token (or their _file twins)' };
    return bot_token !== '' && channel === '' ? { key: 'channel', message: 'must be given with bot_token' } : null;
  },
  create(given, { clock, name, memory }): Notifier {
    const texts = createTexts(given);
    if (given.bot_token === '')
      return {
        name,
        async send(notification: Notification): Promise<void> {
          const body = messageOf(notification, texts(notification), false);
          await postJson({ url: given.webhook_url, body, timeoutMs: given.timeout, what: 'Slack' }, clock.now());
        },
      };

    const call = async (method: string, body: unknown): Promise<string> => {
      const headers = { authorization: `Bearer ${given.bot_token}` };
      const url = `${given.api_url.replace(/\/+$/, '')}/${method}`;
      const answer = await postJson({ url, body, headers, timeoutMs: given.timeout, what: 'Slack' }, clock.now());
      if (fieldsOf(answer)['ok'] === true) return answer;
      const error = fieldIn(answer, 'error') || 'an answer without ok';
      throw new SlackError(PASSING.has(error), error);
    };

    return {
      name,
      async send(notification: Notification): Promise<void> {
        const { id, reopenedCount } = notification.incident;
        const body = {
          channel: given.channel,
          unfurl_links: false,
          ...messageOf(notification, texts(notification), given.buttons),
        };
        // Reopened is a new message: the old one is far up, and says resolved.
        const key = `${id}/${reopenedCount}`;
        const known = await memory.recall(key);
        if (known !== null) {
          const [channel, ts] = known.split(' ') as [string, string];
          const edited = await call('chat.update', { ...body, channel, ts }).then(
            () => true,
            (error: unknown) => {
              if (error instanceof SlackError && GONE.has(error.reason)) return false;
              throw error;
            },
          );
          if (edited) {
            // An edit rings nobody; what became worse is also said in the thread, shown to the channel.
            if (notification.reason === 'escalated' || notification.reason === 'unacknowledged')
              await call('chat.postMessage', { channel, thread_ts: ts, reply_broadcast: true, text: body.text });
            return;
          }
        }
        const answer = await call('chat.postMessage', body);
        const ts = fieldIn(answer, 'ts');
        if (ts !== '') await memory.keep(key, `${fieldIn(answer, 'channel') || given.channel} ${ts}`);
      },
    };
  },
};

class SlackError extends TocsinError {
  readonly reason: string;

  constructor(passing: boolean, reason: string) {
    super(passing ? 'delivery_failed' : 'delivery_refused', `Slack answered ${reason.slice(0, 200)}`);
    this.reason = reason;
  }
}
