/** Parameters that are of a signature wherever they are. */
const SIGNATURE = /^(x-(amz|goog)-.*|sig|signature|key-pair-id|awsaccesskeyid|googleaccessid)$/;
/** Of a shared access signature of Azure, beside `sig`. */
const BESIDE_SIG = /^(s[eprtv]|si|ss|srt|spr|sip|skoid|sktid|sk[etsv]|sdd|scid)$/;
/** Of AWS Signature 2, CloudFront and Google V2, beside `signature`. */
const BESIDE_SIGNATURE = /^(expires|policy)$/;

/**
 * A URL without the parameters of a signature, as object storages know them: those that stay may say which file it is.
 * Their order says nothing.
 */
export function withoutSignature(url: string): string {
  const [path = '', query = ''] = url.replace(/#.*$/s, '').split(/\?(.*)/s);
  const parameters = [...new URLSearchParams(query)].map(([name, value]) => [name.toLowerCase(), name, value] as const);
  const has = (wanted: string): boolean => parameters.some(([name]) => name === wanted);
  const [hasSig, hasSignature] = [has('sig'), has('signature')];
  const rest = parameters.filter(
    ([name]) =>
      !SIGNATURE.test(name) && !(hasSig && BESIDE_SIG.test(name)) && !(hasSignature && BESIDE_SIGNATURE.test(name)),
  );
  return [path, ...rest.map(([, name, value]) => JSON.stringify([name, value])).sort()].join(' ');
}
