import { alertmanager } from './alertmanager/alertmanager.ts';
import type { ReceiverType } from './receiver.ts';
import { slack } from './slack/slack.ts';
import { webhook } from './webhook/webhook.ts';

/** Every kind of receiver, by the name that the configuration uses. */
export const RECEIVERS: readonly ReceiverType[] = [alertmanager, slack, webhook] as unknown as readonly ReceiverType[];
