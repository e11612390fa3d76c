import { generate } from 'selfsigned'

/** A certificate and its private key, as PEM. */
export interface WebhookCertificate {
  cert: string
  key: string
}

/**
 * Makes a certificate for these DNS names as cert-manager does for the Certificates of the providers' manifests. It is
 * self-signed, so it is its own CA.
 */
export async function webhookCertificate(dnsNames: string[]): Promise<WebhookCertificate> {
  const tenYears = new Date(Date.now() + 10 * 365 * 24 * 3600 * 1000)
  const { cert, private: key } = await generate([{ name: 'commonName', value: dnsNames[0] ?? '' }], {
    keyType: 'ec',
    notAfterDate: tenYears,
    extensions: [{ name: 'subjectAltName', altNames: dnsNames.map((value) => ({ type: 2, value })) }],
  })
  return { cert, key }
}
