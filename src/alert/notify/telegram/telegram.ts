import { TocsinError } from '../../../domain/error.ts';
import type { Incident } from '../../../domain/incident.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { fieldIn, postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, cut, stateOf, TEXT_OPTIONS, TEXT_TEMPLATES, type Texts } from '../texts.ts';

const options = {
  ...TEXT_OPTIONS,
  bot_token: { type: 'string', default: '', doc: 'Token of the bot; also bot_token_file' },
  chat_id: { type: 'string', default: '', doc: 'Chat, group or @channel to write to' },
  url: { type: 'string', default: 'https://api.telegram.org', doc: 'Base address of the Bot API' },
  disable_notification: { type: 'boolean', default: false, doc: 'Deliver without a sound' },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
} as const;

/** A message holds 4,096 characters after its markup is read. */
const MESSAGE = 4_096;
const TITLE = 256;
const MARK: Readonly<Record<Incident['severity'], string>> = { critical: '🔴', warning: '🟠', info: '🔵' };

/** Telegram's Bot API: one message an incident, edited in place; what needs eyes again is a new one. */
export const telegram: ReceiverType<typeof options> = {
  type: 'telegram',
  options,
  required: ['bot_token', 'chat_id'],
  secrets: ['bot_token'],
  templates: TEXT_TEMPLATES,
  create(given, { clock, name, memory }): Notifier {
    const texts = createTexts(given);
    const call = (method: string, body: unknown): Promise<string> =>
      postJson(
        {
          url: `${given.url.replace(/\/+$/, '')}/bot${given.bot_token}/${method}`,
          body,
          timeoutMs: given.timeout,
          what: 'Telegram',
          retryAfterIn,
        },
        clock.now(),
      );
    return {
      name,
      async send(notification: Notification): Promise<void> {
        const { id } = notification.incident;
        const body = {
          chat_id: given.chat_id,
          text: textOf(notification, texts(notification)),
          parse_mode: 'HTML',
          link_preview_options: { is_disabled: true },
        };
        const known = await memory.recall(id);
        const edit =
          known !== null && !['opened', 'escalated', 'unacknowledged', 'reopened'].includes(notification.reason);
        if (edit && (await edited(() => call('editMessageText', { ...body, message_id: Number(known) })))) return;
        const reply =
          known === null ? {} : { reply_parameters: { message_id: Number(known), allow_sending_without_reply: true } };
        const answer = await call('sendMessage', {
          ...body,
          ...reply,
          disable_notification: given.disable_notification,
        });
        const message = fieldIn(answer, 'result', 'message_id');
        if (message !== '') await memory.keep(id, message);
      },
    };
  },
};

/** False when the message is gone; an edit that changes nothing is done. */
async function edited(edit: () => Promise<string>): Promise<boolean> {
  try {
    await edit();
    return true;
  } catch (error) {
    if (!(error instanceof TocsinError) || error.code !== 'delivery_refused') throw error;
    if (error.message.includes('message is not modified')) return true;
    if (/message (to edit not found|can't be edited)/.test(error.message)) return false;
    throw error;
  }
}

/** `{"parameters": {"retry_after": 5}}` in seconds. */
function retryAfterIn(body: string): number | null {
  const seconds = Number(fieldIn(body, 'parameters', 'retry_after') || Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1_000 : null;
}

export function textOf(notification: Notification, { title, text }: Texts): string {
  const { incident } = notification;
  const mark = incident.status === 'closed' ? '🟢' : MARK[incident.severity];
  const head = `${mark} <b>${escapeHtml(cut(title, TITLE))}</b> · ${escapeHtml(stateOf(notification))}\n`;
  const foot = `\n<a href="${escapeHtml(notification.url)}">Open incident</a>`;
  const room = MESSAGE - TITLE - 200;
  return `${head}${escapeHtml(cut(text, room))}${foot}`;
}

const escapeHtml = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
