import { BlockList, isIP } from 'node:net'

/** An http or https URL that a path can be appended to and that a shell and systemd-run pass on unchanged. */
export function isHttpUrl(text: string): boolean {
  return /^https?:\/\/[^\s'"\\$?#]+$/.test(text) && URL.canParse(text)
}

/** Whether a URL has neither a user nor a password. Text that is no URL has none. */
export function hasNoUser(text: string): boolean {
  const url = URL.parse(text)
  return url === null || (url.username === '' && url.password === '')
}

/** The name of an image, once each `{version}` is replaced. */
export function isImageOfVersion(text: string): boolean {
  return text.includes('{version}') && /^[a-z0-9][\w.:/@-]*$/.test(text.replaceAll('{version}', 'v1.35.4'))
}

/** The forms of DOCKER_HOST that dockerode reads, or nothing. */
export function isDockerHost(text: string): boolean {
  return /^($|unix:\/\/|(tcp|https?):\/\/[^:/]+(:\d+)?\/?$)/.test(text)
}

/** Names of certificates, separated by commas, or nothing. OpenSSL takes a name that begins with a dot for any subdomain. */
export function isNameList(text: string): boolean {
  return /^($|[\w:-][\w.:@-]*(,[\w:-][\w.:@-]*)*$)/.test(text)
}

const privateAddresses = new BlockList()
for (const [network, prefix, family] of [
  ['127.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['::1', 128, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
] as const) {
  privateAddresses.addSubnet(network, prefix, family)
}

/**
 * Whether a download is safe from changes on its way: https, or http to a host on a private network. What is downloaded
 * runs as root in the machines, and its checksums come from the same place.
 */
export function isSafeSource(text: string): boolean {
  const url = URL.parse(text)
  return url === null || url.protocol === 'https:' || isPrivateHost(url.hostname)
}

// As far as the text shows: loopback, private and link-local addresses, names without a dot, and names under the domains
// reserved for private use.
function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  if (family !== 0) return privateAddresses.check(host, family === 6 ? 'ipv6' : 'ipv4')
  return !host.includes('.') || /\.(localhost|local|internal|home\.arpa)\.?$/.test(host)
}
