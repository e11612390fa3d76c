import { BlockList, isIP } from 'node:net'

/**
 * True for an http or https URL to which a path can be appended and that needs no quoting in a shell or systemd-run.
 */
export function isHttpUrl(text: string): boolean {
  return /^https?:\/\/[^\s'"\\$?#]+$/.test(text) && URL.canParse(text)
}

/** True for a URL without user and password, and for text that is not a URL. */
export function hasNoUser(text: string): boolean {
  const url = URL.parse(text)
  return url === null || (url.username === '' && url.password === '')
}

/** True for a text with `{version}` that becomes the name of an image when `{version}` is replaced. */
export function isImageOfVersion(text: string): boolean {
  return text.includes('{version}') && /^[a-z0-9][\w.:/@-]*$/.test(text.replaceAll('{version}', 'v1.35.4'))
}

/** True for the forms of DOCKER_HOST that dockerode supports, and for an empty text. */
export function isDockerHost(text: string): boolean {
  return /^($|unix:\/\/|(tcp|https?):\/\/[^:/]+(:\d+)?\/?$)/.test(text)
}

/**
 * True for names of certificates, separated by commas, and for an empty text. No name begins with a dot, which OpenSSL
 * takes for any subdomain.
 */
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
 * True for a URL whose downloads cannot be modified in transit: https, or http to a host on a private network. The
 * downloaded programs run as root in the machines, and their checksums come from the same server.
 */
export function isSafeSource(text: string): boolean {
  const url = URL.parse(text)
  return url === null || url.protocol === 'https:' || isPrivateHost(url.hostname)
}

// Without a DNS lookup: loopback, private and link-local addresses, names without a dot, and names in the domains
// reserved for private use.
function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  const family = isIP(host)
  if (family !== 0) return privateAddresses.check(host, family === 6 ? 'ipv6' : 'ipv4')
  return !host.includes('.') || /\.(localhost|local|internal|home\.arpa)\.?$/.test(host)
}
