{{- define "fhir-bulk-export.name" -}}
{{- $name := .Release.Name }}
{{- if not (contains .Chart.Name $name) }}{{ $name = printf "%s-%s" $name .Chart.Name }}{{ end }}
{{- $name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "fhir-bulk-export.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "fhir-bulk-export.labels" -}}
{{ include "fhir-bulk-export.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: worker
{{- end }}

{{- define "fhir-bulk-export.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "fhir-bulk-export.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{/* Of a pod: who it runs as. */}}
{{- define "fhir-bulk-export.pod" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Of a container: the image, and what it may do. */}}
{{- define "fhir-bulk-export.container" -}}
{{- with .Values.image }}
image: {{ if .digest }}{{ printf "%s@%s" .repository .digest | quote }}{{ else }}{{ printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) | quote }}{{ end }}
imagePullPolicy: {{ .pullPolicy }}
{{- end }}
{{- with .Values.securityContext }}
securityContext: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The configuration, as workers read it. */}}
{{- define "fhir-bulk-export.config" -}}
{{- toYaml (merge (dict) .Values.config (dict "downloadThreads" .Values.downloadThreads)) }}
{{- end }}

{{/* Whether Prometheus finds metrics at a port; else empty. */}}
{{- define "fhir-bulk-export.scraped" -}}
{{- if and .Values.metricsPort (not .Values.config.metrics) }}true{{ end }}
{{- end }}

{{/* Variables by which Temporal is reached. */}}
{{- define "fhir-bulk-export.temporal" -}}
- name: TEMPORAL_ADDRESS
  value: {{ required "temporal.address is required, for instance temporal-frontend.temporal:7233" .Values.temporal.address | quote }}
- name: TEMPORAL_NAMESPACE
  value: {{ .Values.temporal.namespace | quote }}
{{- with .Values.temporal.apiKey }}
{{- if .secretName }}
- name: TEMPORAL_API_KEY
  valueFrom:
    secretKeyRef: { name: {{ .secretName | quote }}, key: {{ .key | quote }} }
{{- end }}
{{- end }}
{{- if .Values.temporal.clientCertificate.secretName }}
- name: TEMPORAL_TLS_CLIENT_CERT_PATH
  value: /etc/fhir-bulk-export/temporal/tls.crt
- name: TEMPORAL_TLS_CLIENT_KEY_PATH
  value: /etc/fhir-bulk-export/temporal/tls.key
{{- end }}
{{- end }}

{{/* Where the configuration, secrets and destinations are. Names of volumes have no dots, those of Secrets may. */}}
{{- define "fhir-bulk-export.volumeMounts" -}}
- { name: config, mountPath: /etc/fhir-bulk-export/fhir-bulk-export.yaml, subPath: fhir-bulk-export.yaml, readOnly: true }
- { name: tmp, mountPath: /tmp }
{{- range $index, $name := .Values.secrets }}
- { name: secret-{{ $index }}, mountPath: {{ printf "/etc/fhir-bulk-export/secrets/%s" $name | quote }}, readOnly: true }
{{- end }}
{{- if .Values.temporal.clientCertificate.secretName }}
- { name: temporal-certificate, mountPath: /etc/fhir-bulk-export/temporal, readOnly: true }
{{- end }}
{{- with .Values.volumeMounts }}{{ toYaml . | nindent 0 }}{{ end }}
{{- end }}

{{/* And what they are. */}}
{{- define "fhir-bulk-export.volumes" -}}
- name: config
  configMap: { name: {{ .Values.existingConfigMap | default (include "fhir-bulk-export.name" .) | quote }} }
- name: tmp
  emptyDir: {}
{{- range $index, $name := .Values.secrets }}
- name: secret-{{ $index }}
  secret: { secretName: {{ $name | quote }}, defaultMode: 0440 }
{{- end }}
{{- with .Values.temporal.clientCertificate }}
{{- if .secretName }}
- name: temporal-certificate
  secret: { secretName: {{ .secretName | quote }}, defaultMode: 0440 }
{{- end }}
{{- end }}
{{- with .Values.volumes }}{{ toYaml . | nindent 0 }}{{ end }}
{{- end }}

{{/* On which nodes pods run. */}}
{{- define "fhir-bulk-export.nodes" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
