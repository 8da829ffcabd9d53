import { alertmanager } from './alertmanager/alertmanager.ts';
import { discord } from './discord/discord.ts';
import { email } from './email/email.ts';
import { jira } from './jira/jira.ts';
import { msteams } from './msteams/msteams.ts';
import { opsgenie } from './opsgenie/opsgenie.ts';
import { pagerduty } from './pagerduty/pagerduty.ts';
import type { ReceiverType } from './receiver.ts';
import { servicenow } from './servicenow/servicenow.ts';
import { slack } from './slack/slack.ts';
import { telegram } from './telegram/telegram.ts';
import { webhook } from './webhook/webhook.ts';

/** Every kind of receiver, by the name that the configuration uses. */
export const RECEIVERS: readonly ReceiverType[] = [
  alertmanager,
  discord,
  email,
  jira,
  msteams,
  opsgenie,
  pagerduty,
  servicenow,
  slack,
  telegram,
  webhook,
] as unknown as readonly ReceiverType[];
