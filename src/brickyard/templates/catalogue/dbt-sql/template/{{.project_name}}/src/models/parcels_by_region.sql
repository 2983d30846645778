-- How many parcels each region got.
select
    region,
    sum(parcels) as parcels,
    max(delivered_on) as last_delivered_on
from {{ ref('deliveries_counted') }}
group by region
