{{/* Labels of every object of the chart. */}}
{{- define "tombolo.labels" -}}
app.kubernetes.io/name: tombolo
app.kubernetes.io/part-of: tombolo
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* What selects the pods of one process: dict "root" $ "component" NAME. Never changes: selectors are immutable. */}}
{{- define "tombolo.selector" -}}
app.kubernetes.io/name: tombolo
app.kubernetes.io/instance: {{ .root.Release.Name }}
tombolo.io/component: {{ .component }}
{{- end }}

{{- define "tombolo.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Names are fixed (two installations in one cluster would fight over the CRDs and the twin namespaces), and so is the namespace. */}}
{{- define "tombolo.check" -}}
{{- if ne .Release.Namespace "tombolo-system" -}}
{{- fail (printf "Tombolo lives in the namespace tombolo-system, not in %s: install with --namespace tombolo-system --create-namespace" .Release.Namespace) -}}
{{- end -}}
{{- if not .Values.clusterName -}}
{{- fail "clusterName is required: a DNS label of at most 48 characters" -}}
{{- end -}}
{{- if and .Values.peering.service.nodePort (eq .Values.peering.service.type "ClusterIP") -}}
{{- fail "peering.service.nodePort needs peering.service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- if and .Values.gateway.service.nodePort (eq .Values.gateway.service.type "ClusterIP") -}}
{{- fail "gateway.service.nodePort needs gateway.service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- if and .Values.discovery.mdns.enabled (not .Values.network.podRanges) -}}
{{- fail "discovery.mdns needs the agents, which are installed beside network.podRanges" -}}
{{- end -}}
{{- end }}

{{/*
Pod template that all processes share: dict "root" $ "component" NAME "values" its values "args" list of flags
"ports" map of name → number. For those that touch the network also "network": dict "hostNetwork" BOOL "tolerations" list
"init" script that runs with all rights before the process "security" securityContext of the container "volumes" list of
dict "mount" path "source" volume source.
*/}}
{{- define "tombolo.podTemplate" -}}
{{- $network := .network | default dict }}
metadata:
  labels:
    {{- include "tombolo.labels" .root | nindent 4 }}
    tombolo.io/component: {{ .component }}
    {{- with .values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: tombolo-{{ .component }}
  terminationGracePeriodSeconds: 30
  {{- if dig "hostNetwork" false $network }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  {{- with .root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    {{- if $network }}
    # Links, routes and packet rules belong to root.
    runAsUser: 0
    runAsGroup: 0
    {{- else }}
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    {{- end }}
    seccompProfile:
      type: RuntimeDefault
  affinity:
    # A virtual node would run us on a provider; a simulated node only pretends to.
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
          - matchExpressions:
              - key: type
                operator: NotIn
                values: [virtual-kubelet, kwok]
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "tombolo.selector" . | nindent 16 }}
  {{- with .root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $network.tolerations | default .root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $network.init }}
  initContainers:
    - name: settings
      image: {{ include "tombolo.image" $.root | quote }}
      imagePullPolicy: {{ $.root.Values.image.pullPolicy }}
      command: [/bin/sh, -ec]
      args:
        - |
          {{- . | nindent 10 }}
      resources:
        {{- toYaml $.values.resources | nindent 8 }}
      # Kernel settings are writable for nobody else.
      securityContext:
        privileged: true
        readOnlyRootFilesystem: true
  {{- end }}
  {{- with $network.volumes }}
  volumes:
    {{- range $index, $volume := . }}
    - name: network-{{ $index }}
      {{- toYaml $volume.source | nindent 6 }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "tombolo.image" .root | quote }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      # `tombolo install` quotes the last lines where a process does not start.
      terminationMessagePolicy: FallbackToLogsOnError
      args:
        {{- range .values.nodeOptions }}
        - {{ . | quote }}
        {{- end }}
        - /app/{{ .component }}.js
        {{- range .args }}
        - {{ . | quote }}
        {{- end }}
      env:
        - name: POD_NAME
          valueFrom:
            fieldRef: {fieldPath: metadata.name}
        - name: POD_NAMESPACE
          valueFrom:
            fieldRef: {fieldPath: metadata.namespace}
        - name: POD_UID
          valueFrom:
            fieldRef: {fieldPath: metadata.uid}
        - name: POD_IP
          valueFrom:
            fieldRef: {fieldPath: status.podIP}
        - name: NODE_NAME
          valueFrom:
            fieldRef: {fieldPath: spec.nodeName}
      ports:
        {{- range $name, $number := .ports }}
        - name: {{ $name }}
          containerPort: {{ $number }}
        {{- end }}
      livenessProbe:
        httpGet: {path: /healthz, port: health}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: health}
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 3
      startupProbe:
        httpGet: {path: /healthz, port: health}
        periodSeconds: 1
        timeoutSeconds: 2
        failureThreshold: 60
      {{- if eq .component "controller" }}
      # New connections of webhooks go elsewhere before the server stops: endpoints follow a deletion within a second or two.
      lifecycle:
        preStop:
          sleep: {seconds: 3}
      {{- end }}
      resources:
        {{- toYaml .values.resources | nindent 8 }}
      {{- with $network.volumes }}
      volumeMounts:
        {{- range $index, $volume := . }}
        - name: network-{{ $index }}
          mountPath: {{ $volume.mount }}
        {{- end }}
      {{- end }}
      securityContext:
        {{- if $network.security }}
        {{- toYaml $network.security | nindent 8 }}
        {{- else }}
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
        {{- end }}
{{- end }}
