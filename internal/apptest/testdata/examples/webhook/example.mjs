export async function handleWebhook(req) {
  const event = req.body

  if (event.event === 'REWARD_CREATED') {
    const { referralId, userId, amount } = event.data
    await sendRewardEmail(userId, amount)
  }

  if (event.event === 'REWARD_CLAIMED') {
    const { discountCode, userId } = event.data
    await notifyUserOfDiscount(userId, discountCode)
  }

  return { status: 200 }
}
