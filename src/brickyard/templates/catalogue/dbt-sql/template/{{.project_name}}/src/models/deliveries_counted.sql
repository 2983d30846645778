-- Deliveries of which somebody has counted the parcels.
select
    id,
    region,
    cast(delivered_on as date) as delivered_on,
    cast(parcels as int) as parcels
from {{ ref('deliveries') }}
where parcels is not null
