import { createTransport } from 'nodemailer';
import { TocsinError } from '../../../domain/error.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, cut, stateOf, TEXT_OPTIONS, TEXT_TEMPLATES, type Texts } from '../texts.ts';

const options = {
  ...TEXT_OPTIONS,
  smarthost: {
    type: 'string',
    default: '',
    doc: 'host:port of the mail server; port 465 speaks TLS from the first byte',
  },
  from: { type: 'string', default: '', doc: 'Sender' },
  to: { type: 'strings', default: [], doc: 'Recipients; they see each other' },
  username: { type: 'string', default: '', doc: 'Account on the server; empty: none' },
  password: { type: 'string', default: '', doc: 'Its password; also password_file' },
  require_tls: { type: 'boolean', default: true, doc: 'Refuse to send without encryption' },
  timeout: { type: 'duration', default: 20_000, min: 100, doc: 'How long one message may take' },
} as const;

const SUBJECT = 250;

/** E-mail through SMTP. All messages of an incident are one thread; a retry carries the same Message-ID. */
export const email: ReceiverType<typeof options> = {
  type: 'email',
  options,
  required: ['smarthost', 'from', 'to'],
  secrets: ['password'],
  templates: TEXT_TEMPLATES,
  fault: ({ smarthost, username, password, from, to }) => {
    if (addressOf(smarthost) === null) return { key: 'smarthost', message: 'write it as host:port' };
    if (username !== '' && password === '')
      return { key: 'password', message: 'must be given with username (or password_file)' };
    const bad = [from, ...to].find((address) => !/^[^\r\n]*[^\s@]+@[^\s@]+[^\r\n]*$/.test(address));
    return bad === undefined ? null : { key: bad === from ? 'from' : 'to', message: `'${bad}' is not an address` };
  },
  create(given, { name }): Notifier {
    const texts = createTexts(given);
    const server = addressOf(given.smarthost);
    return {
      name,
      async send(notification: Notification, dedupKey: string): Promise<void> {
        if (server === null) throw new TocsinError('delivery_refused', 'no mail server is configured');
        const transport = createTransport({
          host: server.host,
          port: server.port,
          secure: server.port === 465,
          requireTLS: given.require_tls && server.port !== 465,
          ...(given.username === '' ? {} : { auth: { user: given.username, pass: given.password } }),
          connectionTimeout: given.timeout,
          greetingTimeout: given.timeout,
          socketTimeout: given.timeout,
          disableFileAccess: true,
          disableUrlAccess: true,
        });
        try {
          await transport.sendMail(messageOf(notification, texts(notification), dedupKey, given));
        } catch (error) {
          throw faultOf(error);
        } finally {
          transport.close();
        }
      },
    };
  },
};

function addressOf(smarthost: string): { host: string; port: number } | null {
  const found = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(smarthost);
  return found === null || Number(found[3]) > 65_535 ? null : { host: (found[1] ?? found[2])!, port: Number(found[3]) };
}

/** SMTP's own classes: 4xx is for now, 5xx for good. Messages of the server are quoted, never what we sent. */
function faultOf(error: unknown): TocsinError {
  const { code = '', responseCode } = error as { code?: string; responseCode?: number; response?: string };
  if (code === 'EAUTH' && responseCode !== undefined && responseCode >= 500)
    return new TocsinError('delivery_refused', `the mail server refused the account (${responseCode})`);
  if (responseCode !== undefined) {
    const said = ((error as { response?: string }).response ?? '').slice(0, 200);
    return new TocsinError(
      responseCode >= 500 ? 'delivery_refused' : 'delivery_failed',
      `the mail server answered ${said}`,
    );
  }
  if (code === 'EENVELOPE' || code === 'EMESSAGE')
    return new TocsinError('delivery_refused', 'the message cannot be sent: check from and to');
  return new TocsinError(
    'delivery_failed',
    `the mail server cannot be reached: ${code === '' ? 'connection failed' : code}`,
  );
}

export function messageOf(
  notification: Notification,
  { title, text }: Texts,
  dedupKey: string,
  given: { readonly from: string; readonly to: readonly string[] },
): Record<string, unknown> {
  const { incident } = notification;
  const thread = `<incident-${incident.id}@tocsin>`;
  const state = stateOf(notification);
  return {
    from: given.from,
    to: [...given.to],
    subject: cut(`[${state}] ${title}`, SUBJECT),
    messageId: `<${dedupKey.replaceAll(/[^A-Za-z0-9._-]/g, '-')}@tocsin>`,
    references: [thread],
    inReplyTo: thread,
    // No out-of-office answers to an alert.
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Tocsin-Incident': incident.id },
    text: `${state}: ${title}\n\n${text}\n\nSince ${new Date(incident.onset).toISOString()}\n${notification.url}\n`,
    html: `<p><strong>${escapeHtml(state)}: ${escapeHtml(title)}</strong></p><p>${escapeHtml(text).replaceAll('\n', '<br>')}</p><p>Since ${new Date(incident.onset).toISOString()}</p><p><a href="${escapeHtml(notification.url)}">Open incident</a></p>`,
  };
}

const escapeHtml = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
