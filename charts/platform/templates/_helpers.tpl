{{- define "platform.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- /* The labels of every object. Context: the root. */ -}}
{{- define "platform.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/part-of: platform
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* The labels of a workload's objects. Context: (dict "root" $ "workload" WORKLOAD). */ -}}
{{- define "platform.workloadLabels" -}}
{{ include "platform.labels" .root }}
app.kubernetes.io/name: {{ .workload.service }}
app.kubernetes.io/component: {{ .workload.component }}
{{- end }}

{{- /* What selects a workload's pods. Context: (dict "root" $ "workload" WORKLOAD). */ -}}
{{- define "platform.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/name: {{ .workload.service }}
app.kubernetes.io/component: {{ .workload.component }}
{{- end }}

{{- /* The queue of a model, as Platform.Contracts' QueueNames.Model says. Context: the model. */ -}}
{{- define "platform.queue" -}}
model-{{ .name }}
{{- end }}

{{- /*
Every workload of the release as a JSON list: the four services, training where it is enabled, then a workload for each model.
service: whose image; component: its name within the release; model: the model's values, for model pods.
*/ -}}
{{- define "platform.workloads" -}}
{{- $list := list }}
{{- range $name, $service := .Values.services }}
{{- $list = append $list (merge (dict "service" $name "component" $name "gpu" false) $service) }}
{{- end }}
{{- if .Values.training.enabled }}
{{- $list = append $list (merge (dict "service" "training" "component" "training" "gpu" false) (omit .Values.training "enabled")) }}
{{- end }}
{{- range $model := .Values.models }}
{{- $list = append $list (merge (dict "component" (printf "model-%s" $model.name) "model" (omit $model "resources" "env" "nodeSelector" "tolerations") "replicas" (max 1 (int $model.replicas.min))) (omit $model "replicas")) }}
{{- end }}
{{- toJson $list }}
{{- end }}

{{- /* Context: (dict "root" $ "workload" WORKLOAD). */ -}}
{{- define "platform.image" -}}
{{ .root.Values.image.repository }}/{{ .workload.service }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}{{ if .workload.gpu }}-gpu{{ end }}
{{- end }}

{{- define "platform.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1654
runAsGroup: 1654
fsGroup: 1654
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "platform.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- /* A workload's environment: what all share, and only the secrets it needs. Context: (dict "root" $ "workload" WORKLOAD). */ -}}
{{- define "platform.env" -}}
{{- $values := .root.Values -}}
envFrom:
  - configMapRef: { name: {{ include "platform.name" .root }} }
  {{- if not (has .workload.service (list "preprocessing" "qc" "training")) }}
  - secretRef: { name: {{ $values.tenants.existingSecret }} }
  {{- end }}
env:
  - name: Bus__Username
    valueFrom: { secretKeyRef: { name: {{ $values.bus.existingSecret }}, key: username } }
  - name: Bus__Password
    valueFrom: { secretKeyRef: { name: {{ $values.bus.existingSecret }}, key: password } }
  - name: Blobs__ConnectionString
    valueFrom: { secretKeyRef: { name: {{ $values.blobs.existingSecret }}, key: connectionString } }
  {{- if eq .workload.service "results" }}
  - name: Results__Database
    value: PostgreSql
  - name: Results__ConnectionString
    valueFrom: { secretKeyRef: { name: {{ $values.database.existingSecret }}, key: connectionString } }
  {{- end }}
  {{- if and (eq .workload.service "qc") $values.training.enabled }}
  - name: Qc__Training
    value: "true"
  {{- end }}
  {{- with .workload.model }}
  - name: {{ eq .service "segmentation" | ternary "Segmentation" "SuperResolution" }}__Model
    value: {{ .name }}@{{ .version }}
  {{- end }}
  {{- if .workload.gpu }}
  # A pod that was given a card and cannot use it must fail, not fall back to its processor.
  - name: Inference__Device
    value: Cuda
  {{- end }}
  {{- range $name, $value := .workload.env }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
{{- end }}
