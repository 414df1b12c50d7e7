/** The `Accept` header of a request: whole objects, or their metadata alone (KEP-2334), of one object or of a list. */
export function acceptHeader(
  metadataOnly: boolean,
  kind: 'PartialObjectMetadata' | 'PartialObjectMetadataList' = 'PartialObjectMetadata',
): string {
  return metadataOnly ? `application/json;as=${kind};g=meta.k8s.io;v=v1` : 'application/json';
}
