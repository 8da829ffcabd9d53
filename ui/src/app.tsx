import { Button, PasswordInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Suspense, useEffect, useState } from 'react';
import { ApiError, setToken } from './api/client.ts';
import { useStatus } from './api/queries.ts';
import { PAGES, type View } from './pages/registry.tsx';
import { Empty, Loading, Panel } from './shared/panel.tsx';
import { usePath } from './shared/router.tsx';
import { Shell } from './shared/shell.tsx';

export function App() {
  const { error } = useStatus();
  const locked = error instanceof ApiError && error.status === 401;
  return (
    <Shell pages={PAGES}>
      <Suspense fallback={<Loading label="the page" rows={6} height={28} />}>{locked ? <SignIn /> : <Page />}</Suspense>
    </Shell>
  );
}

function Page() {
  const [section = '', ...below] = usePath();
  const [title, page] = PAGES.find(({ path }) => path === section)?.view(below) ?? NOWHERE;
  useEffect(() => {
    document.title = title === '' ? 'Tocsin' : `${title} · Tocsin`;
  }, [title]);
  return page;
}

const NOWHERE: View = [
  'Not found',
  <Panel key="nowhere">
    <Empty title="There is no such page" page>
      The pages are in the bar; press ? for the keyboard.
    </Empty>
  </Panel>,
];

function SignIn() {
  const [token, type] = useState('');
  const client = useQueryClient();
  return (
    <Panel title="This Tocsin asks for a token">
      <form
        style={{ display: 'grid', gap: 12, maxWidth: 420 }}
        onSubmit={(event) => {
          event.preventDefault();
          setToken(token);
          void client.resetQueries();
        }}
      >
        <PasswordInput
          label="Token"
          description="One of auth.tokens in the configuration; kept until this tab closes."
          value={token}
          onChange={(event) => type(event.currentTarget.value)}
        />
        <Button type="submit" disabled={token === ''}>
          Open
        </Button>
      </form>
    </Panel>
  );
}
