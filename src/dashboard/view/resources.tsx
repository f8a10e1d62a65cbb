import type { ComponentChildren } from "preact";
import type { Level, SystemResources } from "../../contract/index.ts";
import { megahertz, NO_VALUE, partOfWhole, percentQuantity, rateQuantity } from "../format.ts";
import { Chart } from "./chart.tsx";
import { Figure, LevelTag } from "./figures.tsx";
import { usePage } from "./page-context.ts";

/** The machine: processor, memory, disk and network. Before the first sample everything is there but the figures. */
export function Resources() {
  const { latest } = usePage().resources.value;
  return (
    <section class="resources" aria-label="Resources">
      <PercentCard name="CPU" column="cpu" usage={latest?.cpu.usage_percent} level={latest?.cpu.status}>
        {cpuDetail(latest?.cpu)}
      </PercentCard>
      <PercentCard name="Memory" column="memory" usage={latest?.memory.usage_percent} level={latest?.memory.status}>
        {latest ? freeOf(latest.memory.available_gb, latest.memory.total_gb) : NO_VALUE}
      </PercentCard>
      <PercentCard
        name="Disk"
        column="disk"
        usage={latest?.disk.usage_percent}
        level={latest?.disk.status}
        title={latest?.disk.path}
      >
        {latest ? freeOf(latest.disk.free_gb, latest.disk.total_gb) : NO_VALUE}
      </PercentCard>
      <NetworkCard network={latest?.network} />
    </section>
  );
}

function freeOf(freeGb: number | null, totalGb: number | null): string {
  return totalGb === null ? NO_VALUE : `${partOfWhole(freeGb, totalGb)} free`;
}

function cpuDetail(cpu: SystemResources["cpu"] | undefined): string {
  if (!cpu) return NO_VALUE;
  const cores = `${cpu.cores} ${cpu.cores === 1 ? "core" : "cores"}`;
  const parts = cpu.frequency === null ? [cores] : [cores, megahertz(cpu.frequency)];
  return parts.join(" · ");
}

interface PercentCardProps {
  readonly name: string;
  readonly column: string;
  readonly usage: number | null | undefined;
  readonly level: Level | null | undefined;
  readonly title?: string | undefined;
  readonly children: ComponentChildren;
}

function PercentCard({ name, column, usage, level = null, title, children }: PercentCardProps) {
  return (
    <article class="card resource" data-level={level ?? "unknown"}>
      <header class="card-head">
        <h2>{name}</h2>
        <LevelTag level={level} />
      </header>
      <p class="figures">
        <Figure quantity={percentQuantity(usage)} />
      </p>
      <p class="detail" title={title}>
        {children}
      </p>
      <Chart label={`${name} usage`} lines={[{ column, name: "usage" }]} scale="percent" quantity={percentQuantity} />
    </article>
  );
}

function NetworkCard({ network }: { network: SystemResources["network"] | undefined }) {
  return (
    <article class="card resource">
      <header class="card-head">
        <h2>Network</h2>
      </header>
      <p class="figures figures-pair">
        <span class="direction" data-line="first">
          <Arrow down />
          <span class="visually-hidden">Received</span>
          <Figure quantity={rateQuantity(network?.bytes_recv_per_sec)} small />
        </span>
        <span class="direction" data-line="second">
          <Arrow />
          <span class="visually-hidden">Sent</span>
          <Figure quantity={rateQuantity(network?.bytes_sent_per_sec)} small />
        </span>
      </p>
      <p class="detail">Received and sent</p>
      <Chart
        label="Network traffic"
        lines={[
          { column: "network.recv", name: "received" },
          { column: "network.sent", name: "sent" },
        ]}
        scale="rate"
        quantity={rateQuantity}
      />
    </article>
  );
}

function Arrow({ down = false }: { down?: boolean }) {
  return (
    <svg class="arrow" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d={down ? "M6 1.5v9M2.5 7 6 10.5 9.5 7" : "M6 10.5v-9M2.5 5 6 1.5 9.5 5"} />
    </svg>
  );
}
