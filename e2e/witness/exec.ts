import { execa } from 'execa'

// Runs a command in a container, as a person would, and gives its standard output.
export async function inMachine(container: string, argv: string[], input?: string): Promise<string> {
  const flags = input === undefined ? [] : ['-i']
  const options = { timeout: 60_000, ...(input === undefined ? {} : { input }) }
  const { stdout } = await execa('docker', ['exec', ...flags, container, ...argv], options)
  return stdout
}

// The same for a shell line.
export function shellIn(container: string, line: string): Promise<string> {
  return inMachine(container, ['sh', '-c', line])
}

// kubectl with the administrator's rights, in a control plane machine; parsed where JSON was asked for.
export async function kubectl(controlPlane: string, ...args: string[]): Promise<string> {
  return inMachine(controlPlane, ['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', ...args])
}

export async function kubectlJson<T>(controlPlane: string, ...args: string[]): Promise<T> {
  return JSON.parse(await kubectl(controlPlane, ...args, '-o=json')) as T
}
