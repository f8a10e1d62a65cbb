import type { GpuDevice } from "../../contract/index.ts";
import { celsiusQuantity, partOfWhole, percentQuantity } from "../format.ts";
import { gpuColumn, gpuMetric } from "../state/resources.ts";
import { Chart } from "./chart.tsx";
import { Figure, LevelTag } from "./figures.tsx";
import { usePage } from "./page-context.ts";

/** One card for each device; one quiet line on a machine without. */
export function Gpus() {
  const gpu = usePage().resources.value.latest?.gpu;
  return (
    <section class="gpus" aria-label="GPUs">
      {gpu === undefined && <p class="quiet-line">Looking for GPUs…</p>}
      {gpu?.devices.length === 0 && (
        <p class="quiet-line">
          <strong>No GPU</strong> found on this machine.
        </p>
      )}
      {gpu?.devices.map((device) => (
        <Gpu key={device.uuid ?? device.id} device={device} />
      ))}
    </section>
  );
}

function Gpu({ device }: { device: GpuDevice }) {
  return (
    <article class="card gpu" data-level={device.status ?? "unknown"}>
      <div class="gpu-body">
        <header class="card-head">
          <h2 class="ellipsis" title={device.name}>
            <span class="gpu-number">GPU {device.id}</span> {device.name}
          </h2>
          <LevelTag level={device.status} />
        </header>
        <dl class="gpu-figures">
          <div>
            <dt data-line="first">Usage</dt>
            <dd>
              <Figure quantity={percentQuantity(device.usage_percent)} small />
            </dd>
          </div>
          <div>
            <dt data-line="second">Memory</dt>
            <dd title={memoryDetail(device)}>
              <Figure quantity={percentQuantity(device.memory_usage_percent)} small />
            </dd>
          </div>
          <div>
            <dt>Temperature</dt>
            <dd>
              <Figure quantity={celsiusQuantity(device.temperature)} small />
            </dd>
          </div>
        </dl>
        <Chart
          label={`GPU ${device.id}`}
          lines={[
            { column: gpuColumn(device, "usage"), metric: gpuMetric(device, "usage"), name: "usage" },
            { column: gpuColumn(device, "memory"), metric: gpuMetric(device, "memory"), name: "memory" },
          ]}
          scale="percent"
          quantity={percentQuantity}
        />
      </div>
    </article>
  );
}

function memoryDetail(device: GpuDevice): string | undefined {
  if (device.memory_total_gb == null) return undefined;
  return `${partOfWhole(device.memory_used_gb, device.memory_total_gb)} in use`;
}
