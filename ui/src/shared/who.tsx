import { TextInput } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';

interface Who {
  readonly name: string;
  readonly setName: (name: string) => void;
  /** What goes with a change; without a name the server writes "anonymous", and the name of a token wins over both. */
  readonly by: { readonly by?: string };
  readonly createdBy: { readonly createdBy?: string };
}

/** Who sits here: asked once, remembered in this browser. */
export function useWho(): Who {
  const [name, setName] = useLocalStorage({ key: 'tocsin.name', defaultValue: '', getInitialValueInEffect: false });
  const said = name.trim();
  return {
    name,
    setName,
    by: said === '' ? {} : { by: said },
    createdBy: said === '' ? {} : { createdBy: said },
  };
}

export function WhoField({ className, label = true }: { className?: string | undefined; label?: boolean }) {
  const { name, setName } = useWho();
  return (
    <TextInput
      {...(className === undefined ? {} : { className })}
      size="xs"
      {...(label
        ? { label: 'Your name', description: 'Goes into the record; kept in this browser' }
        : { 'aria-label': 'Your name' })}
      placeholder="Your name"
      value={name}
      maxLength={100}
      autoComplete="name"
      onChange={(event) => setName(event.currentTarget.value)}
    />
  );
}
