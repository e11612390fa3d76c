import { execa } from 'execa'

/**
 * Runs a command in a container with docker exec and returns its standard output. It gets 60 s unless told otherwise.
 * Throws when the command fails or takes longer than that.
 */
export async function inMachine(container: string, argv: string[], input?: string, seconds = 60): Promise<string> {
  const flags = input === undefined ? [] : ['-i']
  const options = { timeout: seconds * 1000, ...(input === undefined ? {} : { input }) }
  const { stdout } = await execa('docker', ['exec', ...flags, container, ...argv], options)
  return stdout
}

/** Runs a shell command line in a container and returns its standard output. Throws as `inMachine` does. */
export function shellIn(container: string, line: string): Promise<string> {
  return inMachine(container, ['sh', '-c', line])
}

/** Runs kubectl in a control plane machine with its admin.conf and returns its standard output. */
export async function kubectl(controlPlane: string, ...args: string[]): Promise<string> {
  return inMachine(controlPlane, ['kubectl', '--kubeconfig=/etc/kubernetes/admin.conf', ...args])
}

/** Runs kubectl as `kubectl` does, with `-o=json`, and returns the parsed output. */
export async function kubectlJson<T>(controlPlane: string, ...args: string[]): Promise<T> {
  return JSON.parse(await kubectl(controlPlane, ...args, '-o=json')) as T
}
