export async function checkReferralHealth(campaignId) {
  const res = await fetch(
    `${process.env.INCENT_URL}/v1/stats?campaignId=${campaignId}`,
    { headers: { 'x-api-key': process.env.INCENTA_API_KEY } }
  )
  const stats = await res.json()

  if (stats.conversionRate > 80) {
    await alertTeam(`High conversion rate (${stats.conversionRate}%) on campaign ${campaignId}`)
  }
}
