import { arch } from './names.ts'

// Kubernetes' own download server.
export const downloads = 'https://dl.k8s.io'

// Where a server of that layout has a file.
export function downloadUrl(server: string, version: string, file: string) {
  return `${server}/release/${version}/bin/linux/${arch}/${file}`
}

// A small file of a version can be had from there within seconds.
export async function downloadsReachable(version: string): Promise<boolean> {
  const url = downloadUrl(downloads, version, 'kubeadm.sha256')
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(4_000) })).ok
  } catch {
    return false
  }
}
