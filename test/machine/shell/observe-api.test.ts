import { describe, expect, test } from 'vitest'
import type { MachineHost } from '../../../src/machine/machine.ts'
import { observe } from '../../../src/machine/observe.ts'
import { createRoot } from '../../upgrade/shell/rooted.ts'
import { realMachine } from './real-machine.ts'

// What a GET of a path gives where kubectl prints this on its standard error, or ends well.
async function answerTo(role: MachineHost['role'], kubectl: string, path = '/version') {
  const root = createRoot()
  root.write('/proc/uptime', '100.00 0\n')
  root.write('/proc/sys/kernel/random/boot_id', 'boot\n')
  root.program(
    '/stand-ins/kubectl',
    `case "$*" in *"config view"*) printf https://10.0.0.2:7443; exit ;; esac\n${kubectl}`,
  )
  const { api } = await observe(realMachine(root, role), { sections: [], api: [path] })
  return { root, answer: api.get(path) }
}

const failing = (...words: string[]) => `cat >&2 <<'WORDS'\n${words.join('\n')}\nWORDS\nexit 1`
const forbidden = 'Error from server (Forbidden): nodes "w-2" is forbidden: User "system:node:w-1" cannot get resource'

describe.skipIf(process.platform !== 'linux')('an answer of the API', () => {
  // As kubectl v1.34 and v1.35 print them.
  test.each([
    ['forbidden', [forbidden]],
    ['forbidden', ['error: You must be logged in to the server (Unauthorized)']],
    ['forbidden', ['error: You must be logged in to the server (the server has asked for the client to log in)']],
    ['not-found', ['Error from server (NotFound): nodes "w-9" not found']],
    ['refused', ['Error from server (InternalError): an error on the server ("[+]ping ok") has prevented the request']],
    ['refused', ['Error from server (ServiceUnavailable): the server is currently unable to handle the request']],
    ['refused', ['Error from server (TooManyRequests): the server has received too many requests']],
    ['refused', ['Error from server: etcdserver: request timed out']],
    [
      'unreachable',
      ['The connection to the server 10.0.0.2:6443 was refused - did you specify the right host or port?'],
    ],
    ['unreachable', ['Unable to connect to the server: net/http: TLS handshake timeout']],
    ['not-sent', ['error: stat /etc/kubernetes/admin.conf: no such file or directory']],
    ['not-sent', ['error: error loading config file "/etc/kubernetes/admin.conf": yaml: line 2: mapping values']],
    ['not-sent', ['Error in configuration: context was not found for specified context: x']],
    ['not-sent', ['timeout: failed to run command: kubectl: not found']],
    ['forbidden', ['Warning: this version is deprecated', forbidden]],
    ['refused', ['E0102 03:04:05.678901     123 request.go:1] "Unhandled Error"', 'Error from server (Timeout): x']],
  ])('is %s where kubectl prints %j', async (kind, words) => {
    const { answer } = await answerTo('worker', failing(...words))
    expect(answer).toEqual({ kind, reason: words.at(-1) })
  })

  // As client-go v1.35 words it.
  test('names what is wrong with a certificate, without the time of day', async () => {
    const words =
      'Unable to connect to the server: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z'
    const { answer } = await answerTo('worker', failing(words))
    expect(answer).toEqual({ kind: 'not-sent', reason: 'x509: certificate has expired or is not yet valid' })
  })

  test('has a reason of one line, which is not long, also where kubectl gives none', async () => {
    expect((await answerTo('worker', 'exit 1')).answer).toMatchObject({ kind: 'unreachable' })
    const { answer } = await answerTo('worker', failing(`Error from server (NotFound): ${'x'.repeat(3000)}`, 'more'))
    expect(answer).toMatchObject({ kind: 'not-found', reason: expect.stringMatching(/^[^\n]{1,2000}$/) })
  })

  test('is its body, as it is', async () => {
    const body = '{"a":"\\"quoted\\" é","b":[1,\t2]}'
    const { answer } = await answerTo('worker', `cat <<'BODY'\n${body}\nBODY`)
    expect(answer).toEqual({ kind: 'ok', body })
  })

  test('to a worker is requested as its kubelet may, by GET', async () => {
    const { root } = await answerTo('worker', 'echo {}', '/api/v1/nodes/w-1')
    const calls = root.calls().map((call) => call.split(' '))
    expect(calls).toEqual([
      [
        'kubectl',
        '--request-timeout=10s',
        'get',
        '--kubeconfig=/etc/kubernetes/kubelet.conf',
        '--raw=/api/v1/nodes/w-1',
      ],
    ])
  })

  test("to a control plane machine is its own API server's, at the address that kubeadm gave it", async () => {
    const { root } = await answerTo('control-plane', 'echo ok', '/readyz')
    const call = root.calls().at(-1)?.split(' ')
    expect(call).toEqual(expect.arrayContaining(['get', '--server=https://10.0.0.2:7443', '--raw=/readyz']))
    expect(call).toContain('--tls-server-name=kubernetes')
  })

  // Without its address the load balancer would answer for any of them.
  test('to a control plane machine whose own API server is not known is none', async () => {
    const root = createRoot()
    root.write('/proc/uptime', '100.00 0\n')
    root.write('/proc/sys/kernel/random/boot_id', 'boot\n')
    root.program('/stand-ins/kubectl', 'case "$*" in *"config view"*) exit 1 ;; esac; echo ok')
    const { api } = await observe(realMachine(root, 'control-plane'), { sections: [], api: ['/readyz'] })
    expect(api.get('/readyz')).toMatchObject({ kind: 'not-sent' })
  })
})
