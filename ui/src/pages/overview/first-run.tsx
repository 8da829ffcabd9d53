import { Button, CopyButton, Loader, Tabs } from '@mantine/core';
import { ROOT } from '../../api/client.ts';
import type { WireStatus } from '../../api/types.ts';
import { PageHead, Panel } from '../../shared/panel.tsx';
import styles from './overview.module.css';

/** Before the first point: how to send some, ready to paste. */
export function FirstRun({ status }: { status: WireStatus }) {
  const host = ROOT.hostname;
  const { otlpGrpcPort: grpc, otlpHttpPort: http, remoteWritePort: write } = status.endpoints;
  const snippets: readonly (readonly [name: string, about: string, text: string])[] = [
    [
      'OpenTelemetry Collector',
      'Add the exporter to the pipelines you have; all three signals is best, one is enough.',
      `exporters:
  otlp/tocsin:
    endpoint: ${host}:${grpc}
    tls:
      insecure: true

service:
  pipelines:
    metrics: { receivers: [otlp], exporters: [otlp/tocsin] }
    logs:    { receivers: [otlp], exporters: [otlp/tocsin] }
    traces:  { receivers: [otlp], exporters: [otlp/tocsin] }`,
    ],
    [
      'OpenTelemetry SDK',
      'Set these for any service that is instrumented, in any language.',
      `export OTEL_EXPORTER_OTLP_ENDPOINT=http://${host}:${http}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=my-service
export OTEL_RESOURCE_ATTRIBUTES=service.version=1.0.0`,
    ],
    [
      'Prometheus',
      'Prometheus keeps scraping and writes a copy here.',
      `remote_write:
  - url: http://${host}:${write}/api/v1/write`,
    ],
  ];
  return (
    <div className={styles.page}>
      <PageHead
        title="Send Tocsin some data"
        lead="Nothing to configure: it learns each series by itself and shows bands after about 15 minutes."
      />
      <Panel>
        <Tabs defaultValue="0">
          <Tabs.List>
            {snippets.map(([name], index) => (
              <Tabs.Tab key={name} value={String(index)}>
                {name}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {snippets.map(([name, about, text], index) => (
            <Tabs.Panel key={name} value={String(index)} pt="md">
              <p className={styles.about}>{about}</p>
              <div className={styles.snippet}>
                {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
                <pre tabIndex={0}>{text}</pre>
                <CopyButton value={text}>
                  {({ copied, copy }) => (
                    <Button size="compact-xs" variant="default" onClick={copy}>
                      {copied ? 'Copied' : 'Copy'}
                    </Button>
                  )}
                </CopyButton>
              </div>
            </Tabs.Panel>
          ))}
        </Tabs>
      </Panel>
      <p className={styles.waiting} role="status">
        <Loader size={16} type="dots" /> Waiting for the first point on port {grpc} (OTLP/gRPC)
        {write === http
          ? ` or ${http} (OTLP/HTTP and remote write)`
          : `, ${http} (OTLP/HTTP) or ${write} (remote write)`}
        . This page changes by itself.
      </p>
    </div>
  );
}
